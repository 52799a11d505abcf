"""A port that is full takes newcomers all the same."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator

import grpc
import pytest
from newstally_runtime.peers.hangup import Doorkeeper, hang_up
from support.processes import eventually


@pytest.mark.parametrize("host", ["127.0.0.1", "[::]"])
async def test_the_most_silent_have_to_go(host: str) -> None:
    """Whoever said something lately stays, and so do connections to other ports."""
    server = grpc.aio.server()
    port = server.add_insecure_port(f"{host}:0")
    await server.start()
    peers = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    try:
        # The system has them, whether gRPC has taken the connection yet or not.
        for peer in peers[:3]:
            peer.sendall(b"PRI * HTTP/2.0\r\n")
        for peer in peers:
            peer.settimeout(60)
        doorkeeper = Doorkeeper([port], 3)
        assert await asyncio.to_thread(_swept, doorkeeper) == 5
        for peer in peers[3:]:
            assert _ended(peer)
        assert not any(map(_ended_now, peers[:3]))
        name, number = peers[0].getsockname()
        assert hang_up(f"ipv4:{name}:{number}", [port])
        assert not hang_up("ipv4:127.0.0.1:1", [port])
        assert not hang_up("unix:", [port])
    finally:
        for peer in peers:
            peer.close()
        await server.stop(0)


def test_who_hung_up_does_not_count() -> None:
    """However many come and go: gRPC forgets them by itself, and who stays may stay."""
    with _accepted(8) as (port, peers, ends):
        for peer, end in zip(peers[1:], ends[1:], strict=True):
            peer.close()
            assert end.recv(1) == b""
        assert Doorkeeper([port], 1).sweep() == 0
        assert not _ended_now(peers[0])


def test_excess_is_ended_without_a_descriptor_to_look_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has taken all descriptors cannot have the process end by it."""

    def none_left(_: str) -> list[str]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with _accepted(8) as (port, peers, _):
        monkeypatch.setattr(os, "listdir", none_left)
        assert Doorkeeper([port], 3).sweep() == 5
        monkeypatch.undo()
        assert sum(map(_ended_now, peers)) == 5


def test_who_waits_for_an_answer_is_not_silent() -> None:
    """Of those who said something lately, who brought most stays, however lately others did."""
    with _accepted(8) as (port, peers, ends):
        for size, peer, end in zip((1_000, *[30] * 7), peers, ends, strict=True):
            peer.sendall(bytes(size))
            assert len(end.recv(size, socket.MSG_WAITALL)) == size
        assert Doorkeeper([port], 1).sweep() == 7
        assert not _ended_now(peers[0])


@contextlib.contextmanager
def _accepted(
    number: int,
) -> Iterator[tuple[int, list[socket.socket], list[socket.socket]]]:
    """Give a port of this process, the far ends of connections to it, and its own ends of them."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=number))
        address = server.getsockname()
        peers = [stack.enter_context(socket.create_connection(address)) for _ in range(number)]
        # In the order in which they came.
        ends = [stack.enter_context(server.accept()[0]) for _ in peers]
        yield address[1], peers, ends


def _swept(doorkeeper: Doorkeeper) -> int:
    """Sweep until gRPC has taken all that came; return how many had to go."""
    ended: list[int] = []

    def sweep() -> bool:
        ended.append(doorkeeper.sweep())
        return sum(ended) >= 5

    eventually(sweep, what="those in excess are ended")
    return sum(ended)


def _ended(peer: socket.socket) -> bool:
    try:
        while peer.recv(1000):
            pass
    except ConnectionError:
        pass
    return True


def _ended_now(peer: socket.socket) -> bool:
    peer.settimeout(0.2)
    try:
        while peer.recv(1000):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True
