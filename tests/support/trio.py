"""The three services as real processes on loopback ports, each of which can be killed."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from newstally.certificates.folder import Folder
from support.certificates import flags
from support.processes import Process

RULES = "support.engines:rules"
"""The rule-based engine of the tests (no spaCy pipeline needed)."""


class Trio:
    """One persister, N extractors, M gateways."""

    def __init__(
        self,
        directory: Path,
        *,
        extractors: int = 2,
        gateways: int = 1,
        persister_flags: Sequence[str] = (),
        extractor_flags: Sequence[str] = ("--engine", RULES),
        gateway_flags: Sequence[str] = (),
        certificates: Folder | None = None,
    ) -> None:
        """Prepare the processes; data and logs go below `directory`.

        With certificates all ports speak TLS.
        """
        if certificates is not None:
            persister_flags = [*persister_flags, *flags(certificates, "persister")]
            extractor_flags = [*extractor_flags, *flags(certificates, "extractor")]
            gateway_flags = [*gateway_flags, *flags(certificates, "gateway")]
        directory.mkdir(parents=True, exist_ok=True)
        self._stack = ExitStack()
        self.directory = directory
        self._gateway_flags = list(gateway_flags)
        self._listed: tuple[str, Sequence[Process]] | None = None
        self.persister = Process(
            "newstally_persister",
            ["--data-dir", str(directory / "data"), *persister_flags],
            directory / "persister.log",
        )
        self.extractors = [
            Process("newstally_extractor", extractor_flags, directory / f"extractor-{n}.log")
            for n in range(extractors)
        ]
        self.gateways = [
            Process("newstally_gateway", [], directory / f"gateway-{n}.log")
            for n in range(gateways)
        ]

    @property
    def gateway(self) -> Process:
        """The first gateway."""
        return self.gateways[0]

    @property
    def processes(self) -> list[Process]:
        """All of them."""
        return [self.persister, *self.extractors, *self.gateways]

    def list_extractors(self, target: str, lookup_seconds: float, first: Sequence[Process]) -> None:
        """Have the gateways look for the extractors; only the `first` are started at first."""
        self._gateway_flags += ["--discovery-interval", str(lookup_seconds)]
        self._listed = target, list(first)

    def start(self) -> Self:
        """Start everything and wait until all serve."""
        addresses, extractors = self._listed or ("", self.extractors)
        for extractor in self.extractors:  # whoever starts it
            self._stack.callback(extractor.kill)
        for process in (self.persister, *extractors):
            self._stack.enter_context(process)
        addresses = addresses or ",".join(extractor.address for extractor in self.extractors)
        for gateway in self.gateways:
            gateway.arguments = [
                *("--persister", self.persister.address, "--extractors", addresses),
                *self._gateway_flags,
            ]
            self._stack.enter_context(gateway)
        return self

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self._stack.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
