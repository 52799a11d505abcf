"""The channel to the gateway, opened anew when the key or the authorities change."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from newstally import Access, InputError
from newstally.client.channels import open_channel, read_key
from newstally_protos.v1.tally_pb2_grpc import TallyServiceStub
from newstally_protos.v1.upload_pb2_grpc import UploadServiceStub

from newstally_dashboard.settings import DashboardSettings

if TYPE_CHECKING:
    from newstally_protos.v1.tally_pb2_grpc import TallyServiceAsyncStub
    from newstally_protos.v1.upload_pb2_grpc import UploadServiceAsyncStub

LOOK_SECONDS = 5.0
"""Between two looks at the files."""

log = structlog.get_logger()


def read_access(settings: DashboardSettings) -> Access:
    """Read the files that say how the gateway is reached. Raises InputError."""
    key = None if settings.key_file is None else read_key(settings.key_file)
    tls = {"auto": None, "on": True, "off": False}[settings.tls]
    if settings.ca is None:
        return Access(tls=tls, key=key)
    try:
        return Access(ca=settings.ca.read_bytes(), tls=tls, key=key)
    except OSError as error:
        raise InputError(f"--ca {settings.ca}: {error.strerror or error}") from error


class _Open:
    def __init__(self, target: str, access: Access) -> None:
        self.access = access
        self.channel = open_channel(target, access)
        self.tallies = TallyServiceStub(self.channel)
        self.uploads = UploadServiceStub(self.channel)


class Link:
    """What calls go over."""

    def __init__(self, target: str, read: Callable[[], Access], grace_seconds: float) -> None:
        """Open it; what is called over the old one when it changes gets the grace.

        Raises NoGateway and InputError.
        """
        self.target = target
        self._read = read
        self._grace_seconds = grace_seconds
        self._open = _Open(target, read())

    @property
    def tallies(self) -> "TallyServiceAsyncStub":
        """TallyService, now."""
        return self._open.tallies

    @property
    def uploads(self) -> "UploadServiceAsyncStub":
        """UploadService, now."""
        return self._open.uploads

    @property
    def access(self) -> Access:
        """How the gateway is reached, now."""
        return self._open.access

    async def watch(self) -> None:
        """Look at the files now and then, until cancelled."""
        told = ""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                access = await asyncio.to_thread(self._read)
                if access != self._open.access:
                    await self._change(access)
                told = ""
            except InputError as error:
                # A file that is being replaced; what was read before goes on.
                if str(error) != told:
                    told = str(error)
                    log.warning("cannot read how the gateway is reached", reason=told)

    async def close(self) -> None:
        """Close the channel; calls that still run are cancelled."""
        await self._open.channel.close()

    async def _change(self, access: Access) -> None:
        old, self._open = self._open, _Open(self.target, access)
        log.info("key or authorities changed: the gateway is called anew")
        await old.channel.close(self._grace_seconds)
