"""The members of .zip and .tar files, as streams, in the order that they have there."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from newstally.errors import InputError
from newstally.inputs.formats import by_name
from newstally.inputs.unpacking import Bounded

_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
ARCHIVE_ERRORS = (tarfile.TarError, zipfile.BadZipFile)
_ZIP = b"PK\x03\x04"
_LISTED = 5

Member = tuple[str, BinaryIO]
"""Its name, and its bytes."""


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive."""
    return name.lower().endswith(_SUFFIXES)


def is_zip(beginning: bytes) -> bool:
    """Whether a file that begins so is one."""
    return beginning.startswith(_ZIP)


def is_tar(beginning: bytes) -> bool:
    """Whether a file that begins so is one."""
    return beginning[257:262] == b"ustar"


def zip_members(raw: BinaryIO, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Yield the members; `raw` is sought in. Raises InputError for what cannot be opened."""
    with zipfile.ZipFile(raw) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir() and wanted(info.filename)]
        _check_any(len(infos), archive.namelist())
        for info in infos:
            try:
                member = archive.open(info)
            except (RuntimeError, NotImplementedError) as error:  # a password, a strange method
                raise InputError(f"{info.filename}: {error}; unpack it yourself") from error
            with member:
                size = info.compress_size.__index__  # of this one, not of the loop's next
                bounded = Bounded(cast("BinaryIO", member), size)
                yield info.filename, io.BufferedReader(bounded)


def tar_members(data: BinaryIO, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Yield the members, read as a stream."""
    names: list[str] = []
    number = 0
    with tarfile.open(fileobj=data, mode="r|") as archive:
        for info in archive:
            member = archive.extractfile(info) if info.isreg() else None
            archive.members = []  # type: ignore[attr-defined] # otherwise it keeps all of them
            if member is None:
                continue
            if not wanted(info.name):
                names = [*names, info.name][:_LISTED]
                continue
            number += 1
            with member:
                yield info.name, cast("BinaryIO", member)
    _check_any(number, names)


def readable_by_name(name: str) -> bool:
    """Whether a member is one to read: its name has a format, and is not of a system's own."""
    path = PurePosixPath(name)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return not hidden and by_name(path.name) is not None


def _check_any(number: int, names: list[str]) -> None:
    if not number:
        listed = ", ".join(names[:_LISTED]) or "nothing"
        raise InputError(
            f"no member has a name of a format that is read (.csv, .jsonl, …); there is: {listed}"
        )
