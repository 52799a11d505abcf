"""The rejects of an upload, `INPUT.rejected.jsonl`: what was not counted, to mend and send again.

It is made when all is settled, of what the gateway keeps and the input itself. So it is complete
also after a crash: the next run of the command makes it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import typer
from newstally_protos.names import shown

from newstally.errors import InputError
from newstally.inputs import PIPE, UNKNOWN_RECORDS, Record
from newstally.inputs.files import PIPE_NAME, REJECTED
from newstally.values import Refusal, RefusalReason

_OWN = "rejected"
"""The field that says why; readers of articles pass over it."""


class MostRejects:
    """What --max-rejects allows: a number of records, or a part of all."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is neither `N` nor `P%`."""
        self._text = text
        self._percent = float(text[:-1]) if text.endswith("%") else None
        self._number = 0 if text.endswith("%") else int(text)
        if self._number < 0 or not 0 <= (self._percent or 0.0) <= 100:
            raise ValueError(text)

    def check_known(self, *, known: bool) -> None:
        """Raise InputError for a part of all where nobody knows how many records there are."""
        if not known and self._percent is not None and self._percent < 100:
            raise InputError(
                "--max-rejects takes a number, and no part, where a pipe is read with --upload-id:"
                " how many records it has is not known before its end"
            )

    def check(self, rejected: int, records: int, upload_id: str = "") -> None:
        """Raise InputError if more were rejected of an input of so many records."""
        allowed = self._number if self._percent is None else records * self._percent / 100
        if rejected > allowed:
            remedy = (
                f"stopped; `newstally refusals {upload_id}` lists them, and the same command with"
                " more allowed goes on"
                if upload_id
                else "nothing was sent; --dry-run lists them"
            )
            of = "" if records == UNKNOWN_RECORDS else f" of {records:,}"
            raise InputError(
                f"{rejected:,}{of} records are rejected, more than --max-rejects {self._text}:"
                f" {remedy}"
            )


def allowed(text: str | None) -> MostRejects:
    """Read --max-rejects; without it all may be rejected."""
    try:
        return MostRejects("100%" if text is None else text)
    except ValueError as error:
        raise typer.BadParameter("--max-rejects takes a number, or a part such as 5%") from error


@dataclass(frozen=True, slots=True)
class LocatedRefusal:
    """A refusal, and where the record is that it is about."""

    refusal: Refusal
    path: Path | None = None
    """None if the input could not be read once more."""
    line: int | None = None
    """From 1."""

    @classmethod
    def of(cls, refusal: Refusal, record: Record) -> "LocatedRefusal":
        """Return the refusal of a record."""
        return cls(refusal, record.path, record.line)

    def __str__(self) -> str:
        """All of it, for people."""
        refusal = self.refusal
        if self.path is not None:
            where = f"{self.path}:{self.line}"
        else:
            name = f" ({refusal.article_id})" if refusal.article_id else ""
            where = f"article {refusal.offset:,}{name}"
        if refusal.reason is RefusalReason.MALFORMED:
            return shown(f"malformed: {where}: {refusal.message}")
        return shown(f"refused: {where}: {refusal.reason}: {refusal.message}")


def default_path(paths: Sequence[Path]) -> Path:
    """Return where the rejects of an input go: beside the first of its paths.

    Those of a pipe or of a pattern go into the working directory.
    """
    first = paths[0]
    if first == PIPE:
        return Path(f"{PIPE_NAME}{REJECTED}")
    if not first.exists():
        return Path(f"input{REJECTED}")
    first = first.absolute()
    return first.with_name(first.name + REJECTED)


def check_path(path: Path, inputs: Sequence[Path]) -> None:
    """Raise InputError for a path named by the user that cannot be for rejects."""
    if path.absolute() in [each.absolute() for each in inputs]:
        raise InputError(f"--rejects {path}: is the input itself")
    if not path.absolute().parent.is_dir():
        raise InputError(f"--rejects {path}: there is no folder {path.parent}")
    upload_of(path)


def upload_of(path: Path) -> str:
    """Return the upload whose rejects a file has; empty if there is no file.

    Raises InputError if it is another file, which is not to be replaced.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return str(json.loads(file.readline())[_OWN]["upload_id"])
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path}: is there already and no file of rejects; name another with --rejects PATH"
        ) from error


def line_of(upload_id: str, refusal: Refusal, record: Record) -> str:
    """Return the line for a record: an article to send again, beside what was wrong with it.

    What is malformed has no fields yet: it stands as it is in `record`, and is refused as long as
    nobody has made an article of it.
    """
    line: dict[str, Any] = asdict(record.article)
    if record.problem:
        line["record"] = record.raw.rstrip("\r\n")
    line[_OWN] = {
        "path": str(record.path),
        "line": record.line,
        "reason": refusal.reason.value,
        "message": refusal.message,
        "upload_id": upload_id,
        "offset": refusal.offset,
    }
    # In ASCII: what could not be decoded survives.
    return json.dumps(line, default=_plain) + "\n"


def _plain(value: object) -> str:
    """Return a time as readers take it."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no field of an article")
