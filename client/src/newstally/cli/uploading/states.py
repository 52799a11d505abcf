"""What has to be on disk to resume an upload: which upload it is, and of which input."""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from newstally.errors import InputError
from newstally.files import replacing, sync_directory
from newstally.inputs import Columns, Fingerprint
from newstally.inputs.readers.columns import CONTENT_NAMES, CONTENT_NAMES_UP_TO_0_2, TIME_NAMES

VERSION = 3
_READABLE = (2, VERSION)
"""Version 2 knew neither encoding nor delimiter: all input was UTF-8, with commas."""
VARIABLE = "NEWSTALLY_STATE_DIR"
_UPLOAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Stage(StrEnum):
    """How far an upload is, as far as this machine has to know."""

    BEGUN = "begun"
    """CreateUpload was not answered, or not by an upload of this input: nothing was sent."""
    CREATED = "created"
    """The upload is there and articles may be settled: if it is unknown now, it was lost."""
    FINISHED = "finished"
    """All articles of the input are settled."""


@dataclass(frozen=True, slots=True)
class UploadState:
    """One upload of this machine."""

    upload_id: str
    target: str
    """The gateway it was begun at."""
    fingerprint: Fingerprint
    created: datetime
    """UTC."""
    stage: Stage = Stage.BEGUN


class StateStore:
    """One JSON file per upload in a directory. Files are replaced whole, never changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def begin(self, upload_id: str, target: str, fingerprint: Fingerprint) -> UploadState:
        """Save the state of a new upload; when this returns it is on disk."""
        state = UploadState(upload_id, target, fingerprint, datetime.now(UTC))
        self._save(state)
        return state

    def advance(self, state: UploadState, stage: Stage) -> None:
        """Save that the upload has come to a later stage; when this returns it is on disk."""
        self._save(replace(state, stage=stage))

    def forget(self, state: UploadState) -> None:
        """Remove the state of an upload that nothing was sent to."""
        path = self._path(state.upload_id)
        try:
            path.unlink(missing_ok=True)
            sync_directory(path.parent)
        except OSError as error:
            raise InputError(f"{path}: cannot remove the upload's state: {error}") from error

    def find(self, upload_id: str) -> UploadState | None:
        """Return the state of that upload, or None."""
        path = self._path(upload_id)
        try:
            return _decode(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{path}: no readable upload state: {error}") from error

    def of_input(self, fingerprint: Fingerprint) -> UploadState | None:
        """Return the upload of that input to go on with, or None.

        An unfinished one goes before a finished one, then a later one before an earlier one.
        Raises InputError if there are only unfinished uploads of the same paths with another
        content.
        """
        same = self.all_of_input(fingerprint)
        if same:
            return same[0]
        states = self._all()
        for state in sorted(states, key=lambda state: state.created, reverse=True):
            unfinished = state.stage is not Stage.FINISHED
            if unfinished and state.fingerprint.paths == fingerprint.paths:
                check_same_input(state, fingerprint)
        return None

    def all_of_input(self, fingerprint: Fingerprint) -> list[UploadState]:
        """Return the uploads of that input, the unfinished first, then the later ones first."""
        same = [s for s in self._all() if s.fingerprint.difference(fingerprint) is None]
        same.sort(key=lambda state: state.created, reverse=True)
        return sorted(same, key=lambda state: state.stage is Stage.FINISHED)

    def unreadable(self) -> str:
        """Return what is wrong with the first state that cannot be read; empty: nothing is."""
        for path in self._paths():
            try:
                self.find(path.stem)
            except InputError as error:
                return str(error)
        return ""

    def _all(self) -> list[UploadState]:
        found = []
        for path in self._paths():
            # One that cannot be read is not this input's, as far as anyone can tell.
            with contextlib.suppress(InputError):
                state = self.find(path.stem)
                found += [state] if state is not None else []
        return found

    def _paths(self) -> list[Path]:
        return sorted(self._directory.glob("*.json"))

    def _path(self, upload_id: str) -> Path:
        if not _UPLOAD_ID.fullmatch(upload_id):
            raise InputError(
                f"--upload-id {upload_id!r}: 1 to 128 letters, digits and ._:-, the first a letter"
                " or a digit"
            )
        return self._directory / f"{upload_id}.json"

    def _save(self, state: UploadState) -> None:
        path = self._path(state.upload_id)
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with replacing(path) as file:
                file.write(json.dumps(_encode(state), indent=2) + "\n")
        except OSError as error:
            raise InputError(f"{path}: cannot save the upload's state: {error}") from error


def check_same_input(state: UploadState, fingerprint: Fingerprint) -> None:
    """Raise InputError if the state is of another input, as far as that is known."""
    if not (state.fingerprint.digest and fingerprint.digest):
        return  # one of them came through a pipe, of which nothing was kept
    difference = state.fingerprint.difference(fingerprint)
    if difference is not None:
        raise InputError(
            f"upload {state.upload_id} is of another input ({', '.join(state.fingerprint.paths)}):"
            f" {difference}"
        )


def default_directory(environment: Mapping[str, str]) -> Path:
    """Return where states are kept unless told otherwise (XDG)."""
    if chosen := environment.get(VARIABLE):
        return Path(chosen)
    base = environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "newstally" / "uploads"


def _encode(state: UploadState) -> dict[str, Any]:
    encoded = {"version": VERSION, **asdict(state), "created": state.created.isoformat()}
    columns = encoded["fingerprint"]["columns"]
    if tuple(columns["content"]) == CONTENT_NAMES:
        # Release 0.2.0 knows its own default; with another one the input is another to it.
        columns["content"] = CONTENT_NAMES_UP_TO_0_2
    return encoded


def _decode(data: dict[str, Any]) -> UploadState:
    if data["version"] not in _READABLE:
        raise ValueError(f"version {data['version']} is not one of {_READABLE}")
    seen = data["fingerprint"]
    columns = seen["columns"]
    content = tuple(columns["content"])
    created = datetime.fromisoformat(data["created"])
    if created.tzinfo is None:
        raise ValueError("the time when it was created has no zone")
    return UploadState(
        upload_id=str(data["upload_id"]),
        target=str(data["target"]),
        fingerprint=Fingerprint(
            paths=tuple(seen["paths"]),
            formats=tuple(seen["formats"]),
            sizes=tuple(seen["sizes"]),
            digest=str(seen["digest"]),
            columns=Columns(
                publication=tuple(columns["publication"]),
                content=CONTENT_NAMES if content == CONTENT_NAMES_UP_TO_0_2 else content,
                article_id=tuple(columns["article_id"]),
                constant_publication=columns["constant_publication"],
                time=tuple(columns.get("time", TIME_NAMES)),
                day_first=columns.get("day_first"),
            ),
            encoding=str(seen.get("encoding", "utf-8")),
            delimiter=str(seen.get("delimiter", ",")),
            articles=str(seen.get("articles", "")),
        ),
        created=created,
        stage=Stage(data["stage"]),
    )
