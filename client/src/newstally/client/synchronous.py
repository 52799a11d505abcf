"""The client for programs without asyncio."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from newstally.client.asynchronous import (
    DEFAULT_TARGET,
    FIRST_CONTACT_SECONDS,
    NewstallyClient,
)
from newstally.client.feeding import Feed
from newstally.client.frames import DataFrame, rows
from newstally.days.blocking import SyncQuestions
from newstally.settings import Access, RetryPolicy, WindowLimits
from newstally.values import (
    ArticleLike,
    EntityTally,
    PublicationTally,
    Refusal,
    RefusalRange,
    Upload,
    UploadEvent,
    UploadSummary,
)

T = TypeVar("T")
_TAKEN_AT_ONCE = 256


class SyncNewstallyClient:
    """`NewstallyClient` with methods that block; use it with `with`.

    Its connection lives on a thread of its own, and `on_event` is called there. Articles are read
    on the thread that calls. Several threads may use one client. Ctrl-C ends a call; what was
    settled by then stays settled. The methods raise what those of `NewstallyClient` raise.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        access: Access | None = None,
        retry: RetryPolicy | None = None,
        window: WindowLimits | None = None,
    ) -> None:
        """Keep the settings; as `NewstallyClient`."""
        self._client = NewstallyClient(target, access=access, retry=retry, window=window)
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread] | None = None

    def __enter__(self) -> Self:
        """Start the thread and open the channel."""
        if self._running is not None:
            raise RuntimeError("this client is open already")
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="newstally client", daemon=True)
        thread.start()
        self._running = (loop, thread)
        self._call(self._client.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the channel and end the thread."""
        loop, thread = self._loop, cast("tuple[Any, threading.Thread]", self._running)[1]
        try:
            self._call(self._client.__aexit__(kind, error, trace))
        finally:
            self._running = None
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def reach(self, within: float | None = FIRST_CONTACT_SECONDS, *, patient: bool = True) -> None:
        """Wait until a gateway answers for the first time; see `NewstallyClient.reach`."""
        self._call(self._client.reach(within, patient=patient))

    def upload(
        self,
        articles: Iterable[ArticleLike] | DataFrame,
        *,
        upload_id: str | None = None,
        must_exist: bool = False,
        on_event: Callable[[UploadEvent], None] | None = None,
    ) -> UploadSummary:
        """Send articles until each of them is settled; see `NewstallyClient.upload`."""
        source = iter(cast("Iterable[ArticleLike]", rows(articles)))
        feed: Feed[ArticleLike] = Feed(self._loop)
        sending = self._begin(
            self._client.upload(feed, upload_id=upload_id, must_exist=must_exist, on_event=on_event)
        )
        sending.add_done_callback(lambda _: feed.leave())
        with _cancelled_on_error(sending):
            for article in source:
                if not feed.give(article):
                    break
            feed.end()
            return sending.result()

    def create_upload(self, upload_id: str | None = None, *, fingerprint: bytes = b"") -> Upload:
        """Make an upload, or return the one of that id."""
        return self._call(self._client.create_upload(upload_id, fingerprint=fingerprint))

    def get_upload(self, upload_id: str) -> Upload:
        """Return one upload as it stands."""
        return self._call(self._client.get_upload(upload_id))

    def assign_upload(self, upload_id: str, owner: str) -> Upload:
        """Give an upload that was made without a key to an owner."""
        return self._call(self._client.assign_upload(upload_id, owner))

    def wait_applied(self, upload_id: str) -> Upload:
        """Wait until all that is settled now has its tallies in the sink."""
        return self._call(self._client.wait_applied(upload_id))

    def uploads(self) -> Iterator[Upload]:
        """Iterate over the caller's uploads, those made last first."""
        return self._each(self._client.uploads())

    def refusals(self, upload_id: str) -> Iterator[Refusal]:
        """Iterate over all refusals of an upload by offset."""
        return self._each(self._client.refusals(upload_id))

    def refusal_ranges(self, upload_id: str) -> list[RefusalRange]:
        """Return where the refusals are that are not listed one by one."""
        return self._call(self._client.refusal_ranges(upload_id))

    def publications(self) -> Iterator[PublicationTally]:
        """Iterate over the publications in the sink, those with most mentions first."""
        return self._each(self._client.publications())

    def models(self) -> tuple[str, ...]:
        """Return what the tallies were counted with."""
        return self._call(self._client.models())

    def entity_tallies(self, publication: str, *, label: str = "") -> Iterator[EntityTally]:
        """Iterate over a publication's entities, the most mentioned first."""
        return self._each(self._client.entity_tallies(publication, label=label))

    @property
    def questions(self) -> SyncQuestions:
        """Questions by day: what is mentioned most, what rises, one entity over time."""
        return SyncQuestions(self._client.questions, self._call)

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        async def some() -> list[T]:
            found: list[T] = []
            async for item in items:
                found.append(item)
                if len(found) == _TAKEN_AT_ONCE:
                    break
            return found

        while found := self._call(some()):
            yield from found

    def _call(self, call: Coroutine[Any, Any, T]) -> T:
        running = self._begin(call)
        with _cancelled_on_error(running):
            return running.result()

    def _begin(self, call: Coroutine[Any, Any, T]) -> "Future[T]":
        try:
            loop = self._loop
        except RuntimeError:
            call.close()
            raise
        return asyncio.run_coroutine_threadsafe(call, loop)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._running is None:
            raise RuntimeError("use SyncNewstallyClient with `with`")
        if threading.current_thread() is self._running[1]:
            raise RuntimeError("not from on_event: that is called on the client's own thread")
        return self._running[0]


@contextlib.contextmanager
def _cancelled_on_error(running: "Future[Any]") -> Iterator[None]:
    """Cancel what runs on the loop where the caller does not wait for it any more."""
    try:
        yield
    except BaseException:
        running.cancel()
        raise
