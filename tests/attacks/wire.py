"""HTTP/2 by hand: what a library that keeps the rules would not send."""

import contextlib
import select
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
INITIAL_WINDOW_SIZE = 4
FIRST_WINDOW = 65_535
FRAME_BYTES = 16_384
"""The largest frame a peer takes that has not said otherwise."""
CONNECT_SECONDS = 10.0


class ClosedError(Exception):
    """The server ended the connection."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame; nothing is checked."""
    return struct.pack(">IBBI", len(payload), kind, flags, stream)[1:] + payload


def literal(name: bytes, value: bytes, *, indexed: bool = False) -> bytes:
    """Return a header field in HPACK, without Huffman; `indexed` puts it into the peer's table."""
    return bytes([0x40 if indexed else 0]) + _text(name) + _text(value)


def block(method: str, more: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """Return the header block of a call of `package.Service/Method`."""
    return block_of(b"/" + method.encode(), more)


def block_of(path: bytes, more: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """Return the header block of a call with that path, whatever it is."""
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        *more,
    ]
    return b"".join(literal(name, value) for name, value in fields)


def prefix(size: int, compressed: int = 0) -> bytes:
    """Return what gRPC puts before a message of that size."""
    return struct.pack(">BI", compressed, size)


def message(payload: bytes, compressed: int = 0) -> bytes:
    """Return a message with its prefix."""
    return prefix(len(payload), compressed) + payload


def _text(text: bytes) -> bytes:
    """Return an HPACK string: a 7-bit prefix integer and the bytes."""
    length = len(text)
    if length < 127:
        return bytes([length]) + text
    out, rest = bytearray([127]), length - 127
    while rest >= 128:
        out.append(rest % 128 + 128)
        rest //= 128
    out.append(rest)
    return bytes(out) + text


class Connection:
    """One connection that says what it likes, and heeds flow control where it wants to be heard."""

    def __init__(self, port: int, *, hello: bool = True, host: str = "127.0.0.1") -> None:
        """Connect; `hello` sends the preface and empty settings."""
        self._socket = socket.create_connection((host, port), timeout=CONNECT_SECONDS)
        self._unread = b""
        self._window = FIRST_WINDOW
        self._first_window = FIRST_WINDOW
        self._windows: dict[int, int] = defaultdict(int)
        self._next = 1
        self.last = 0
        """The newest stream."""
        self.alive = True
        """Whether the server has not closed it or said GOAWAY."""
        self.ended: set[int] = set()
        """Streams that the server has ended."""
        self.bytes_sent = 0
        if hello:
            self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, data: bytes) -> None:
        """Send bytes as they are. Raises ClosedError."""
        view = memoryview(data)
        deadline = time.monotonic() + CONNECT_SECONDS
        try:
            while view:
                readable, writable, _ = select.select([self._socket], [self._socket], [], 1.0)
                if writable:
                    sent = self._socket.send(view[:65536])
                    self.bytes_sent += sent
                    view = view[sent:]
                if readable:
                    self._read()
                if time.monotonic() > deadline:
                    raise ClosedError("the server does not read")
        except OSError as error:
            self.alive = False
            raise ClosedError(str(error)) from error

    def open(self, method: str, more: Iterable[tuple[bytes, bytes]] = (), flags: int = 0) -> int:
        """Send the headers of a call; return its stream."""
        stream = self.reserve()
        self.send(frame(HEADERS, END_HEADERS | flags, stream, block(method, more)))
        return stream

    def reserve(self) -> int:
        """Return the number of a new stream, with the window it will have."""
        stream = self.last = self._next
        self._next += 2
        self._windows[stream] += self._first_window
        return stream

    def data(self, stream: int, payload: bytes, flags: int = 0, seconds: float = 2.0) -> int:
        """Send data as far as the windows allow it within `seconds`; return how much was sent."""
        sent, until = 0, time.monotonic() + seconds
        while sent < len(payload):
            room = min(self._window, self._windows[stream], FRAME_BYTES, len(payload) - sent)
            if room <= 0:
                if time.monotonic() > until or stream in self.ended:
                    return sent
                self.pump(0.05)
                continue
            last = flags if sent + room == len(payload) else 0
            self._window -= room
            self._windows[stream] -= room
            self.send(frame(DATA, last, stream, payload[sent : sent + room]))
            sent += room
        if not payload:
            self.send(frame(DATA, flags, stream))
        return sent

    def reset(self, stream: int, code: int = 8) -> None:
        """Cancel a stream."""
        self.send(frame(RST_STREAM, 0, stream, struct.pack(">I", code)))

    def pump(self, seconds: float) -> None:
        """Read what the server says for that long. Raises ClosedError."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                self._read()

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _read(self) -> None:
        try:
            data = self._socket.recv(262_144)
        except OSError as error:
            self.alive = False
            raise ClosedError(str(error)) from error
        if not data:
            self.alive = False
            raise ClosedError("closed by the server")
        self._unread += data
        while len(self._unread) >= 9:
            size = int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < 9 + size:
                return
            kind, flags, stream = struct.unpack(">BBI", self._unread[3:9])
            payload, self._unread = self._unread[9 : 9 + size], self._unread[9 + size :]
            self._heed(kind, flags, stream, payload)

    def _heed(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == RST_STREAM or (kind in (HEADERS, DATA) and flags & END_STREAM):
            self.ended.add(stream)
        if kind == GOAWAY:
            self.alive = False
        elif kind == WINDOW_UPDATE:
            growth = int.from_bytes(payload, "big")
            if stream:
                self._windows[stream] += growth
            else:
                self._window += growth
        elif kind == SETTINGS and not flags & ACK:
            self._heed_settings(payload)
            self._reply(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._reply(frame(PING, ACK, 0, payload))
        elif kind == DATA and payload:
            # More for the connection, but not for the stream: its answer is never read whole.
            self._reply(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload))))

    def _heed_settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            key, value = struct.unpack(">HI", payload[at : at + 6])
            if key == INITIAL_WINDOW_SIZE:
                for number in self._windows:
                    self._windows[number] += value - self._first_window
                self._first_window = value

    def _reply(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(data)
