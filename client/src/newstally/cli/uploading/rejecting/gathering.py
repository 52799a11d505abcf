"""Reads the input once more when an upload is over, for what was rejected."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from newstally.cli.running import say
from newstally.cli.uploading.rejecting.rejects import LocatedRefusal, line_of, upload_of
from newstally.cli.uploading.rejecting.verdicts import Verdicts
from newstally.errors import InputError
from newstally.files import replacing
from newstally.inputs import Source

SHOWN_REFUSALS = 100
"""How many refusals are told one by one."""


@dataclass(slots=True)
class Rejected:
    """What of an input was rejected."""

    shown: list[LocatedRefusal] = field(default_factory=list)
    """The first ones by offset, up to `SHOWN_REFUSALS`."""
    path: Path | None = None
    """The file that has them all; None: there is none."""
    written: int | None = None
    """How many were written into it; None: it was complete before."""
    problem: str = ""
    """Why it could not be written."""


def gather(source: Source, verdicts: Verdicts, upload_id: str, path: Path) -> Rejected:
    """Find the rejected records and write them to `path`, replacing rejects of another upload.

    Rejects of this upload stay as they are: somebody may be mending them. The upload is over: an
    input that is gone or was changed by now costs the lines, nothing else.
    """
    try:
        if upload_of(path) == upload_id:
            return _pass(source, verdicts, upload_id, path, write=False)
    except InputError as error:
        return _without_file(source, verdicts, upload_id, str(error))
    try:
        return _pass(source, verdicts, upload_id, path, write=True)
    except OSError as error:
        return _without_file(
            source,
            verdicts,
            upload_id,
            f"{path}: cannot write the rejects: {error.strerror or error}; the same command with"
            " --rejects PATH writes them elsewhere",
        )


def _without_file(source: Source, verdicts: Verdicts, upload_id: str, problem: str) -> Rejected:
    found = _pass(source, verdicts, upload_id, None, write=False)
    found.problem = problem
    return found


def _pass(
    source: Source, verdicts: Verdicts, upload_id: str, path: Path | None, *, write: bool
) -> Rejected:
    """Raises OSError if the rejects cannot be written."""
    verdicts.rewind()
    rejected = Rejected(path=path)
    written = 0
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(replacing(path)) if write and path is not None else None
            records = stack.enter_context(contextlib.closing(source.records()))
            for offset, record in enumerate(records):
                refusal = verdicts.of(offset, record)
                if refusal is None:
                    continue
                if len(rejected.shown) < SHOWN_REFUSALS:
                    rejected.shown.append(LocatedRefusal.of(refusal, record))
                elif file is None:
                    break
                if file is not None:
                    file.write(line_of(upload_id, refusal, record))
                    written += 1
    except InputError as error:
        say(f"note: refused articles are told without their lines: {error}")
        listed = verdicts.listed[:SHOWN_REFUSALS]
        return Rejected([LocatedRefusal(refusal) for refusal in listed])
    rejected.written = written if write else None
    return rejected
