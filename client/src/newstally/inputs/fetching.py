"""Fetches a large file over HTTP, going on where it broke off, also in another process."""

import contextlib
import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from newstally.errors import GaveUp, InputError

_CHUNK = 1 << 20
_SECONDS = 30.0
"""Without a byte a connection is taken for dead."""
_LONGEST_PAUSE = 10.0
Progress = Callable[[int, int | None], None]
"""Takes how many bytes are there, and how many there will be if that is known."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch."""

    url: str
    size_bytes: int | None = None
    """None: as the server says."""
    sha256: str | None = None
    """Hexadecimal; None: not known."""
    tries: int = 10
    """Failures in a row without a new byte before it gives up."""


def fetch(
    wanted: Wanted,
    path: Path,
    progress: Progress,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Fetch a file to `path`, which is there in the end as a whole or not at all.

    What came so far lies beside it under `.part`. Raises InputError for an address that is none,
    for a file that is not the one that is wanted and for a disk without room, and GaveUp.
    """
    if not wanted.url.lower().startswith(("http://", "https://")):
        raise InputError(f"{wanted.url}: only http:// and https:// are fetched")
    part = path.with_name(path.name + ".part")
    _forget_others(part, wanted.url)
    failures = 0
    while True:
        before = _size(part)
        try:
            if _go_on(wanted, part, progress):
                break
            error: Exception = ConnectionError("the connection breaks off")
        except urllib.error.HTTPError as refused:
            refused.close()
            if refused.code < 500 and refused.code not in (408, 429):
                raise InputError(f"{wanted.url}: {refused.code} {refused.reason}") from refused
            error = refused
        except (http.client.InvalidURL, ValueError) as wrong:
            raise InputError(
                f"{wanted.url}: is no address ({wrong}); write https://HOST/FILE"
            ) from wrong
        except (OSError, http.client.HTTPException) as failed:
            error = failed
        failures = 0 if _size(part) > before else failures + 1
        if failures >= wanted.tries:
            raise GaveUp(
                f"{wanted.url}: {error}; the same command goes on with the {_size(part):,} bytes"
                " that are there"
            ) from error
        pause(min(2.0**failures, _LONGEST_PAUSE))
    with _writing(part):
        _check(wanted, part)
        part.replace(path)
        _note(part).unlink(missing_ok=True)


def _go_on(wanted: Wanted, part: Path, progress: Progress) -> bool:
    """Fetch what is missing; return whether all is there."""
    there, tag = _size(part), _known(part).get("tag", "")
    request = urllib.request.Request(wanted.url, headers={"User-Agent": "newstally"})  # noqa: S310
    if there:
        request.add_header("Range", f"bytes={there}-")
        if tag:
            request.add_header("If-Range", tag)  # another file begins anew
    try:
        response = urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310 - checked above
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and there:
            error.close()
            return True  # nothing is missing; the check tells if it is another file
        raise
    with response:
        goes_on = response.status == http.HTTPStatus.PARTIAL_CONTENT
        there = there if goes_on else 0
        length = response.headers.get("Content-Length")
        total = there + int(length) if length and length.isdigit() else wanted.size_bytes
        with _writing(part):
            _save(part, wanted.url, response.headers.get("ETag") or "")
            with part.open("ab" if goes_on else "wb") as file:
                return _copy(response, file, there, total, progress) == total or total is None


def _copy(
    response: http.client.HTTPResponse,
    file: IO[bytes],
    there: int,
    total: int | None,
    progress: Progress,
) -> int:
    """Return how many bytes are there in the end, of whichever run."""
    while chunk := _read(response):
        file.write(chunk)
        there += len(chunk)
        progress(there, total)
    return there


def _read(response: http.client.HTTPResponse) -> bytes:
    """Raise ConnectionError whatever breaks it off: it is not the file that fails."""
    try:
        return response.read1(_CHUNK)
    except OSError as error:
        raise ConnectionError(str(error)) from error


@contextlib.contextmanager
def _writing(part: Path) -> Iterator[None]:
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        raise InputError(
            f"{part}: cannot be written: {error.strerror}; make room, or name another folder"
        ) from error


def _check(wanted: Wanted, part: Path) -> None:
    problem = ""
    size = _size(part)
    if wanted.size_bytes is not None and size != wanted.size_bytes:
        problem = f"it has {size:,} bytes, and {wanted.size_bytes:,} are expected"
    elif wanted.sha256 is not None:
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted.sha256.lower():
            problem = f"its SHA-256 is {found}, and {wanted.sha256} is expected"
    if problem:
        part.unlink()
        _note(part).unlink(missing_ok=True)
        raise InputError(
            f"{wanted.url}: {problem}; it was removed, and fetched again it begins anew"
        )


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _known(part: Path) -> dict[str, str]:
    try:
        found = json.loads(_note(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _save(part: Path, url: str, tag: str) -> None:
    # A weak tag must not be used to go on.
    strong = "" if tag.startswith("W/") else tag
    _note(part).write_text(json.dumps({"url": url, "tag": strong}), encoding="utf-8")


def _forget_others(part: Path, url: str) -> None:
    """What lies there of another address, or of nobody knows which, is of no use."""
    if _known(part).get("url") != url:
        try:
            part.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{part}: cannot be removed: {error.strerror}") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
