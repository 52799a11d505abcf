"""The options of `newstally upload`."""

import math
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from newstally.cli.running import read_path
from newstally.cli.uploading.states import VARIABLE
from newstally.inputs.formats import CSV, JSON, JSONL, PARQUET, TSV
from newstally.inputs.readers.columns import ARTICLE_ID_NAMES, CONTENT_NAMES, PUBLICATION_NAMES


class Format(StrEnum):
    """A format that can be told."""

    CSV = CSV
    TSV = TSV
    JSONL = JSONL
    JSON = JSON
    PARQUET = PARQUET


def _above_0(what: str) -> Callable[[object], float]:
    """Return what reads such a number. It raises BadParameter with what is taken."""

    def read(given: object) -> float:
        try:
            number = float(str(given))
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            raise typer.BadParameter(f"{str(given)!r}: it takes {what}, above 0")
        return number

    return read


Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH",
        readable=False,  # reading tells it, in one line
        help="CSV, TSV, JSON Lines, a JSON array or Parquet; plain, .gz, .zst, .bz2, .xz, or in"
        " .zip and .tar; a pattern, or a folder with --recursive; - reads a pipe, to its end."
        " All together are one upload.",
    ),
]

UploadId = Annotated[
    str | None,
    typer.Option(help="Make or carry on this upload; default: that of the input."),
]

Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the upload of this input begun here. What was piped must be piped"
        " again, the same bytes.",
    ),
]

Again = Annotated[
    bool,
    typer.Option("--again", help="Count the input once more, as another upload of a random id."),
]

Moved = Annotated[
    bool,
    typer.Option("--moved", help="Go on at another --target than where the upload was begun."),
]

WaitApplied = Annotated[
    bool, typer.Option("--wait-applied", help="Wait until all tallies are in the sink.")
]

Publication = Annotated[
    str | None, typer.Option(help="The publication of every article, instead of a column.")
]

PublicationColumn = Annotated[
    str | None, typer.Option(help=f"Default: {' or '.join(PUBLICATION_NAMES)}.")
]

ContentColumn = Annotated[str | None, typer.Option(help=f"Default: {' or '.join(CONTENT_NAMES)}.")]

IdColumn = Annotated[
    str | None, typer.Option(help=f"Default: {' or '.join(ARTICLE_ID_NAMES)}, if there is one.")
]

TimeColumn = Annotated[
    str | None,
    typer.Option(
        help="When an article was published; default: publish_time, published, date or the like, if"
        " there is one."
    ),
]

DayFirst = Annotated[
    bool | None,
    typer.Option(
        "--day-first/--month-first",
        help="What 03/04/2020 means; default: such a day is not guessed.",
        show_default=False,
    ),
]

Form = Annotated[
    Format | None,
    typer.Option("--format", help="How all is read; default: as names or contents tell."),
]

Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Read the files of folders, too.")
]

Encoding = Annotated[str | None, typer.Option(help="How the files are encoded; default: utf-8.")]


class EncodingErrors(StrEnum):
    """What becomes of bytes that are not of the encoding."""

    STRICT = "strict"
    REPLACE = "replace"
    IGNORE = "ignore"


OnEncodingError = Annotated[
    EncodingErrors,
    typer.Option(
        "--encoding-errors",
        help="Bytes that are not of the encoding: an error (strict), U+FFFD (replace), left out"
        " (ignore).",
    ),
]

Rate = Annotated[
    float | None,
    typer.Option(
        parser=_above_0("a number of articles a second"),
        metavar="N",
        help="Send at most so many articles a second; default: no limit.",
    ),
]

JsonProgress = Annotated[
    bool,
    typer.Option("--json-progress", help="Progress, notes and errors as JSON, one line each."),
]

Delimiter = Annotated[
    str | None,
    typer.Option(help="What separates the columns of CSV, one character or tab; default: ,"),
]

GiveUpAfter = Annotated[
    float | None,
    typer.Option(
        parser=_above_0("a number of seconds"),
        metavar="SECONDS",
        help="Fail when nothing moved for so many seconds; default: never.",
    ),
]

Skip = Annotated[int, typer.Option(min=0, help="Leave out so many records first.")]

Limit = Annotated[
    int | None, typer.Option(min=1, help="Send at most so many records; default: all.")
]

DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Read all, send nothing, show what would be sent."),
]

Wait = Annotated[
    bool,
    typer.Option(
        "--wait",
        help="Wait as long as it takes for a gateway that has never answered; default: 20 s.",
    ),
]

MaxRejects = Annotated[
    str | None,
    typer.Option(
        metavar="N|P%",
        help="Fail when more records than that are malformed or refused; default: all may be.",
    ),
]

Rejects = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Where rejected records go, to mend and send; default: INPUT.rejected.jsonl.",
    ),
]

Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress and no notes; errors and summary stay."),
]

StateDir = Annotated[
    Path | None,
    typer.Option(
        envvar=VARIABLE,
        parser=read_path,
        metavar="PATH",
        help="Where the state for resuming is kept.",
        show_default=False,
    ),
]
