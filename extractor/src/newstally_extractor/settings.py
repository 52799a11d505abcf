"""What can be set on an extractor."""

from pathlib import Path
from typing import Annotated, Literal

from newstally_protos.limits import CONTENT_LIMIT_BYTES, SEND_LIMIT_BYTES
from newstally_runtime.settings import InnerSettings, Port, PositiveCount, PositiveSeconds
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from newstally_extractor.counting.entities import largest_content_bytes

ENV_PREFIX = "NEWSTALLY_EXTRACTOR_"


class ExtractorSettings(InnerSettings):
    """Finds the named entities of articles. One process is one replica with one model."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        cli_prog_name="newstally-extractor",
    )

    port: Port = 50052
    """gRPC port; 0 lets the system choose."""
    admin_port: Port = 9102
    """Port of /healthz, /readyz and /metrics; 0 lets the system choose."""
    model: Annotated[str, Field(min_length=1)] = "en_newstally"
    """The pipeline: the name of an installed spaCy package, or a folder."""
    engine: Annotated[str, Field(pattern=r"^(auto|stock|fast|\w+(\.\w+)*:\w+)$")] = "auto"
    """What runs the pipeline: `auto` or `fast`, several times as fast as spaCy's nlp.pipe where
    entities come from tok2vec and ner, and nlp.pipe elsewhere; `stock`, always nlp.pipe; or
    `module:factory`."""
    exclude_labels: str = "CARDINAL,ORDINAL,QUANTITY,PERCENT,MONEY,DATE,TIME"
    """Labels that are not counted, separated by commas or spaces; empty counts every label."""
    names: Literal["merged", "as-found"] = "merged"
    """What mentions are counted under: `merged`, one name for what an article and the table of
    aliases show to be the same; or `as-found`, each text by itself."""
    aliases: Path | None = None
    """A table of aliases whose rows are added to the shipped one, or replace its rows."""
    html: Literal["auto", "strip", "keep"] = "auto"
    """What is done with contents that are HTML: `auto` reduces those that are beyond doubt to their
    text, `strip` reduces all, `keep` none."""
    max_content_bytes: Annotated[int, Field(gt=0, le=largest_content_bytes(SEND_LIMIT_BYTES))] = (
        CONTENT_LIMIT_BYTES
    )
    """Longest content in bytes of UTF-8; longer articles are refused."""
    batch_chars: PositiveCount = 100_000
    """Most characters in a model batch, of prose: signs that are words of their own count five
    times. One longer article is a batch of its own."""
    batch_articles: PositiveCount = 64
    """Most articles in a model batch."""
    window_articles: PositiveCount = 256
    """Most unanswered articles, shared over all links."""
    window_bytes: PositiveCount = 1024 * 1024
    """Most unanswered bytes of content, shared over all links."""
    soft_limit: PositiveSeconds = 10.0
    """Seconds after which a model batch ends: what it has not begun goes back to its gateway."""
    hard_limit: PositiveSeconds = 60.0
    """Seconds that the engine may take without coming to an end, for an article or a few, before
    the process prints where it is and ends."""

    @property
    def excluded_labels(self) -> frozenset[str]:
        """The labels of `exclude_labels`."""
        return frozenset(self.exclude_labels.replace(",", " ").split())


def describe(setting: str) -> str:
    """Return how a setting is named on the command line and in the environment."""
    return f"--{setting.replace('_', '-')} ({ENV_PREFIX}{setting.upper()})"
