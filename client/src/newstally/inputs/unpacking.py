"""Unpacks what is compressed, seen by its first bytes, as a stream and within bounds."""

import bz2
import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

import zstandard

from newstally.errors import InputError

LARGEST_RATIO = 200
"""Text packs 3 to 20 times. What unpacks to more than this is no news."""
RATIO_FROM_BYTES = 1 << 30
"""So much may come out of anything."""
LARGEST_ZSTD_WINDOW_BYTES = 1 << 27
"""What `zstd --long=27` needs."""
UNPACKING_ERRORS = (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
_BEGINNINGS = {
    b"\x1f\x8b": ".gz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"BZh": ".bz2",
    b"\xfd7zXZ\x00": ".xz",
}
SUFFIXES = tuple(_BEGINNINGS.values())
_CHUNK = 1 << 20
_ZSTD_CHUNK = 1 << 10
"""One byte can become 32 KiB, and a chunk is unpacked at once."""


class Eager(io.BufferedReader):
    """What comes slowly: it is taken as it comes, and not waited for until there is much of it."""


class Counted(io.RawIOBase):
    """Passes on what it reads, and counts it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.passed = 0
        """Bytes so far."""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read, and count."""
        read = self._raw.read1 if isinstance(self._raw, Eager) else self._raw.read
        data = read(len(buffer))
        self.passed += len(data)
        buffer[: len(data)] = data
        return len(data)


class Bounded(Counted):
    """Ends what unpacks beyond all measure; `packed` tells how many bytes it has come from."""

    def __init__(self, raw: BinaryIO, packed: Callable[[], int]) -> None:
        super().__init__(raw)
        self._packed = packed

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Raise InputError beyond the bound."""
        number = super().readinto(buffer)
        if self.passed > max(RATIO_FROM_BYTES, LARGEST_RATIO * self._packed()):
            raise InputError(
                f"it unpacks to over {LARGEST_RATIO} times its size: is it a decompression bomb?"
                " Unpack it yourself if it is not"
            )
        return number


class _Zstandard(io.RawIOBase):
    """Frames one after the other; a frame that breaks off is an EOFError."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._context = zstandard.ZstdDecompressor(max_window_size=LARGEST_ZSTD_WINDOW_BYTES)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = b""
        self._out = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        while not self._out:
            data = self._rest or self._packed.read(_ZSTD_CHUNK)
            self._rest = b""
            if not data:
                if self._frame is not None:
                    raise EOFError("the zstandard frame breaks off")
                return 0
            self._frame = self._frame or self._context.decompressobj()
            self._out = memoryview(self._frame.decompress(data))
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
        number = min(len(buffer), len(self._out))
        buffer[:number] = self._out[:number]
        self._out = self._out[number:]
        return number


def compression(beginning: bytes) -> str:
    """Return the suffix that says how it is compressed, or nothing."""
    return next(
        (suffix for magic, suffix in _BEGINNINGS.items() if beginning.startswith(magic)), ""
    )


@contextlib.contextmanager
def unpacked(raw: BinaryIO) -> Iterator["io.BufferedReader[Counted]"]:
    """Give what is in `raw`, whether it is compressed or not.

    Reading raises OSError or one of UNPACKING_ERRORS where it breaks off or is damaged, and
    InputError where it unpacks beyond all measure.
    """
    with contextlib.ExitStack() as stack:
        packed = Counted(raw)
        data = stack.enter_context(io.BufferedReader(packed, _CHUNK))
        suffix = compression(data.peek(16))
        if suffix:
            stream = _decompressor(suffix, data)
            stack.callback(stream.close)
            data = stack.enter_context(
                io.BufferedReader(Bounded(stream, lambda: packed.passed), _CHUNK)
            )
        yield data


def _decompressor(suffix: str, data: "io.BufferedReader[Counted]") -> BinaryIO:
    match suffix:
        case ".gz":
            return cast("BinaryIO", gzip.open(data))
        case ".bz2":
            return cast("BinaryIO", bz2.open(data))
        case ".xz":
            return cast("BinaryIO", lzma.open(data))
        case _:
            return cast("BinaryIO", io.BufferedReader(_Zstandard(data), _CHUNK))
