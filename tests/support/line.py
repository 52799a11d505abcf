"""A TCP line between two processes that can be cut and mended."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

BLOCK_BYTES = 65_536


class Line:
    """Forwards a loopback port to an address, until cut; while cut, connections are refused."""

    def __init__(self, address: str) -> None:
        """`address` is host:port of the far end."""
        host, _, port = address.rpartition(":")
        self._far = (host, int(port))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._cut = False
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._acceptor = threading.Thread(target=self._accept, name="line")

    @property
    def address(self) -> str:
        """host:port of the near end."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Break every connection, in the middle of whatever goes over it, and refuse new ones."""
        with self._lock:
            self._cut = True
            for each in self._open:
                _break(each)
        self._flowing.set()

    def stall(self) -> None:
        """Forward nothing any more, and break nothing."""
        self._flowing.clear()

    def mend(self) -> None:
        """Let new connections through again."""
        with self._lock:
            self._cut = False

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        _break(self._listener)
        self._listener.close()
        self._acceptor.join()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                if self._cut:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(self._far, timeout=5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self._open |= {near, far}
            for pair in ((near, far), (far, near)):
                thread = threading.Thread(target=self._forward, args=pair, name="line")
                self._threads.append(thread)
                thread.start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(BLOCK_BYTES):
                self._flowing.wait()
                target.sendall(block)
        for each in (source, target):
            _break(each)
        with self._lock:
            if source in self._open:  # each direction closes what it reads from
                self._open.discard(source)
                source.close()


def _break(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
