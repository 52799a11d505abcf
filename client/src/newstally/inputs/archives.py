"""The members of .zip and .tar files, as streams, in the order that they have there."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Self, cast

from newstally.errors import InputError
from newstally.inputs.formats import by_name
from newstally.inputs.unpacking import Bounded

_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
ARCHIVE_ERRORS = (tarfile.TarError, zipfile.BadZipFile)
_ZIP = b"PK\x03\x04"
_LISTED = 5
_BLOCK_BYTES = 512
_CHUNK = 1 << 20
# Some writers leave out one of the two blocks, or both. So does what cuts a file, and nobody can
# tell one from the other: better refused than counted in part.
_NO_END = (
    "the archive breaks off before its end, which two blocks of zeros mark; fetch it again, or"
    " unpack it yourself if it is whole"
)

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
    with _opened(raw) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir() and wanted(info.filename)]
        _check_any(len(infos), archive.namelist())
        for info in infos:
            try:
                member = archive.open(info)
            except (RuntimeError, NotImplementedError) as error:  # a password, a strange method
                raise InputError(f"{info.filename}: {error}; unpack it yourself") from error
            except UnicodeDecodeError as error:
                raise zipfile.BadZipFile(str(error)) from error
            with member:
                size = info.compress_size.__index__  # of this one, not of the loop's next
                bounded = Bounded(cast("BinaryIO", member), size)
                yield info.filename, io.BufferedReader(bounded)


def _opened(raw: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(raw)
    except (NotImplementedError, UnicodeDecodeError) as error:  # its list of members is damaged
        raise zipfile.BadZipFile(str(error)) from error


def tar_members(data: BinaryIO, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Yield the members, read as a stream.

    Raises InputError, or one of ARCHIVE_ERRORS, unless all of it is there up to its end, and
    nothing after it.
    """
    names: list[str] = []
    number = 0
    with tarfile.open(fileobj=data, mode="r|", tarinfo=_Header) as archive:
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
        _check_end(cast("BinaryIO", archive.fileobj))
    _check_any(number, names)


class _Header(tarfile.TarInfo):
    """Where it is damaged or missing, that is no end: tarfile takes it for one."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined] # a block of zeros
            raise
        except tarfile.EmptyHeaderError as error:  # type: ignore[attr-defined]
            raise InputError(_NO_END) from error
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} where a member or the end belongs") from error


def _check_end(rest: BinaryIO) -> None:
    """Read what follows the first block of zeros. Raises InputError unless that is the end."""
    data = rest.read(_BLOCK_BYTES)
    if len(data) < _BLOCK_BYTES:
        raise InputError(_NO_END)
    while data:  # most writers fill up 10,240 bytes with zeros
        if data.strip(b"\0"):
            raise InputError(
                "there is more after the end of the archive: it is damaged, or several archives are"
                " in one file; fetch it again, or unpack it yourself"
            )
        data = rest.read(_CHUNK)


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
