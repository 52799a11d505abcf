"""A host of its own for a process, whose packets can be lost: a namespace behind a cable."""

import os
import shutil
import subprocess
from types import TracebackType
from typing import Self

NEAR = "198.18.77.1"
FAR = "198.18.77.2"
"""Addresses for benchmarks (RFC 2544), used on the cable only."""


def why_not() -> str | None:
    """Return why there can be no such host here; None if there can be."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and `ip`"
    name = f"newstally-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespaces here: {made.stderr.strip()}"
    _ip("netns", "delete", name)
    return None


class FarHost:
    """The namespace and the cable. Addresses are NEAR here and FAR there."""

    def __init__(self) -> None:
        self._name = f"newstally-{os.getpid()}"
        self._near, self._far = f"nt{os.getpid()}a", f"nt{os.getpid()}b"

    @property
    def prefix(self) -> list[str]:
        """What runs a command there."""
        return ["ip", "netns", "exec", self._name]

    def lose_packets(self) -> None:
        """Let everything that is sent to it vanish without a word, and all that it sends."""
        _ip("-n", self._name, "address", "delete", f"{FAR}/30", "dev", self._far)

    def __enter__(self) -> Self:
        _ip("netns", "add", self._name)
        try:
            _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far)
            _ip("link", "set", self._far, "netns", self._name)
            _ip("address", "add", f"{NEAR}/30", "dev", self._near)
            _ip("link", "set", self._near, "up")
            for device in ("lo", self._far):
                _ip("-n", self._name, "link", "set", device, "up")
            _ip("-n", self._name, "address", "add", f"{FAR}/30", "dev", self._far)
            # Known for good: nobody asks for it in vain and says that it is not there.
            mac = _mac(_ip("-n", self._name, "-o", "link", "show", self._far))
            _ip("neighbour", "replace", FAR, "lladdr", mac, "dev", self._near, "nud", "permanent")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _ip("netns", "delete", self._name)  # and with it the cable


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _mac(link: str) -> str:
    words = link.split()
    return words[words.index("link/ether") + 1]
