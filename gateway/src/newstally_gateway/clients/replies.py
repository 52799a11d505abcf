"""What a client is told: as events while its stream runs, or in one summary."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from newstally_protos.v1.article_pb2 import Refusal
from newstally_protos.v1.draining_pb2 import Draining
from newstally_protos.v1.gateway_pb2 import (
    Progress,
    StreamArticlesResponse,
    UploadArticlesResponse,
)
from newstally_protos.v1.upload_pb2 import Upload

UNSENT_LIMIT_BYTES = 256 * 1024
"""Unsent refusals over this hold up the stream's next batch; at most one batch's more are kept."""
SUMMARY_REFUSALS = 100
"""How many refusals an UploadArticlesResponse carries."""


class Replies(Protocol):
    """What a session tells its client."""

    made_room: Callable[[], None]
    """Called when there is room again after there was none."""

    @property
    def has_room(self) -> bool:
        """Whether the client may be told more."""
        ...

    def told(self, refusals: Sequence[Refusal], upload: Upload) -> None:
        """Tell the client of refusals and how far the upload is."""
        ...

    def draining(self) -> None:
        """Tell the client to go elsewhere."""
        ...


class Outbox:
    """The events of StreamArticles, bounded whether or not the client reads.

    Of the progress only the newest is kept; refusals go before the progress that covers them.
    """

    def __init__(self, heartbeat_seconds: float) -> None:
        self.made_room: Callable[[], None] = _nothing
        self._heartbeat = heartbeat_seconds
        self._refusals: deque[Refusal] = deque()
        self._refusal_bytes = 0
        self._upload: Upload | None = None
        self._moved = False
        self._draining = False
        self._closed = False
        self._news = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether unsent refusals are below their limit.

        No deadline is needed here: a client that does not read is cut by the one on writing.
        """
        return self._refusal_bytes <= UNSENT_LIMIT_BYTES

    def told(self, refusals: Sequence[Refusal], upload: Upload) -> None:
        """Queue the refusals, then the progress; progress never goes back."""
        for refusal in refusals:
            self._refusals.append(refusal)
            self._refusal_bytes += refusal.ByteSize()
        if self._upload is None or upload.next_offset >= self._upload.next_offset:
            self._upload = upload
            self._moved = True
        self._news.set()

    def draining(self) -> None:
        """Queue Draining, before everything else."""
        self._draining = True
        self._news.set()

    def close(self) -> None:
        """Queue the end."""
        self._closed = True
        self._news.set()

    async def next(self) -> StreamArticlesResponse | None:
        """Return the next event, a heartbeat if there is none for a while; None: the end."""
        while (event := self._take()) is None and not self._closed:
            self._news.clear()
            try:
                async with asyncio.timeout(self._heartbeat):
                    await self._news.wait()
            except TimeoutError:
                self._moved = self._upload is not None
        return event

    def _take(self) -> StreamArticlesResponse | None:
        if self._draining:
            self._draining = False
            return StreamArticlesResponse(draining=Draining())
        if self._refusals:
            refusal = self._refusals.popleft()
            had_room = self.has_room
            self._refusal_bytes -= refusal.ByteSize()
            if self.has_room and not had_room:
                self.made_room()
            return StreamArticlesResponse(refusal=refusal)
        if self._moved:
            self._moved = False
            return StreamArticlesResponse(progress=Progress(upload=self._upload))
        return None


class Summary:
    """The answer of UploadArticles."""

    has_room = True

    def __init__(self) -> None:
        self.made_room: Callable[[], None] = _nothing
        self._response = UploadArticlesResponse()

    @property
    def response(self) -> UploadArticlesResponse:
        """What came of the call so far; empty if it never had a message."""
        return self._response

    def told(self, refusals: Sequence[Refusal], upload: Upload) -> None:
        """Keep the first refusals and the newest upload."""
        room = SUMMARY_REFUSALS - len(self._response.refusals)
        self._response.refusals.extend(refusals[:room])
        if upload.next_offset >= self._response.upload.next_offset:
            self._response.upload.CopyFrom(upload)

    def draining(self) -> None:
        """Nothing: the status says it."""


def _nothing() -> None:
    """Nobody waits for room."""
