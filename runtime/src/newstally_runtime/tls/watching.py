"""Follows a certificate's files, so that a renewed one is used without a restart."""

import asyncio
from datetime import UTC, datetime

import structlog
from prometheus_client import Gauge

from newstally_runtime.tls.certificate import (
    Certificate,
    CertificateError,
    CertificateFiles,
    Contents,
    load,
    parse,
    read,
)

POLL_SECONDS = 1.0

EXPIRES = Gauge(
    "newstally_certificate_expires_timestamp_seconds",
    "When the certificate in use expires, in seconds since 1970.",
    ["certificate"],
)
UNUSABLE = Gauge(
    "newstally_certificate_files_unusable",
    "1 while the files cannot be used, so that an older certificate stays in use.",
    ["certificate"],
)

log = structlog.get_logger()


def watched(name: str, files: CertificateFiles | None) -> "WatchedCertificate | None":
    """Return the certificate of these files, if any; the caller lets it `watch` them.

    Raises CertificateError.
    """
    return None if files is None else WatchedCertificate(name, files)


class WatchedCertificate:
    """The newest certificate of these files that can be used."""

    def __init__(self, name: str, files: CertificateFiles) -> None:
        """`name` is what log and metrics call it. Raises CertificateError."""
        self._name = name
        self._files = files
        self._seen: Contents | None = None
        self._problem: str | None = None
        self._told: str | None = None
        self._current = load(files)
        self._show("certificate loaded")

    @property
    def current(self) -> Certificate:
        """What new connections use. Safe from any thread."""
        return self._current

    async def watch(self) -> None:
        """Look at the files again and again, until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look at the files now. What cannot be used is told once, and changes nothing."""
        try:
            contents = await asyncio.to_thread(read, self._files)
            if contents != self._seen:
                found = parse(self._files, contents, datetime.now(UTC))
                self._seen = contents
                if found != self._current:
                    self._current = found
                    self._show("certificate renewed")
            self._note(None)
        except CertificateError as error:
            self._note(str(error))

    def _note(self, problem: str | None) -> None:
        """Tell a problem that is still there at the second look.

        At the first one somebody may be about to replace the other file, too.
        """
        lasts = problem == self._problem
        self._problem = problem
        UNUSABLE.labels(self._name).set(problem is not None)
        if lasts and problem not in (None, self._told):
            self._told = problem
            log.warning(
                "certificate cannot be used, the one before stays",
                certificate=self._name,
                reason=problem,
                expires=self._current.expires.isoformat(),
            )
        elif problem is None:
            self._told = None

    def _show(self, event: str) -> None:
        EXPIRES.labels(self._name).set(self._current.expires.timestamp())
        log.info(
            event,
            certificate=self._name,
            names=sorted(self._current.names),
            expires=self._current.expires.isoformat(),
        )
