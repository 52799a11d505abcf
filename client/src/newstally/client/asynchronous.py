"""The asyncio client."""

import asyncio
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Protocol, Self, TypeVar

import grpc
from newstally_protos.limits import PAGE_LIMIT_ITEMS
from newstally_protos.v1 import tally_pb2, upload_pb2
from newstally_protos.v1.tally_pb2_grpc import TallyServiceStub
from newstally_protos.v1.upload_pb2_grpc import UploadServiceStub
from newstally_protos.wire import connect

from newstally._gateway.contact import reach
from newstally._gateway.decoding import (
    to_entity_tally,
    to_publication_tally,
    to_range,
    to_refusal,
    to_upload,
)
from newstally._gateway.encoding import stream_articles
from newstally._gateway.probing import check_target
from newstally._gateway.retrying import Retrying
from newstally._gateway.securing import Showing, credentials, key_metadata
from newstally._gateway.uploading import Uploader
from newstally.client.frames import DataFrame, rows
from newstally.client.tracing import metadata, upload_span
from newstally.days.questions import Questions
from newstally.errors import NoGateway
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

DEFAULT_TARGET = "127.0.0.1:50051"
"""Where `newstally up` listens."""
APPLIED_POLL_SECONDS = 0.5
FIRST_CONTACT_SECONDS = 20.0
"""So long is waited for a gateway that has never answered; finding out why takes up to 9 s more."""


class _PageRequest(Protocol):
    page_token: str


class _Page(Protocol):
    next_page_token: str


class _Open:
    """What exists only while the client is open."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.stream_articles = stream_articles(channel)
        self.uploads = UploadServiceStub(channel)
        self.tallies = TallyServiceStub(channel)


T = TypeVar("T")
P = TypeVar("P", bound=_Page)


class NewstallyClient:
    """Talks to a gateway. Use it with `async with`, on one event loop.

    Calls that fail for a passing reason are tried again, with backoff and jitter and as the gateway
    asks; how long is the `RetryPolicy`'s affair. What is raised is a `NewstallyError`; errors of
    the caller's own input pass through unchanged. Several calls may run at the same time.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        access: Access | None = None,
        retry: RetryPolicy | None = None,
        window: WindowLimits | None = None,
    ) -> None:
        """Keep the settings; `target` is `host:port` or any other gRPC name.

        Raises NoGateway for what cannot be one, a web address say, and InputError when the file of
        authorities that `access` names cannot be used, or its key may not be shown there.
        """
        wrong = check_target(target)
        if wrong is not None:
            raise NoGateway(wrong)
        self._target = target
        self._access = access or Access()
        self._credentials = credentials(self._access)
        self._shown = key_metadata(self._access, target)
        self._policy = retry or RetryPolicy()
        self._limits = window or WindowLimits()
        self._open: _Open | None = None

    async def __aenter__(self) -> Self:
        """Open the channel. Nothing is sent before the first call."""
        if self._open is not None:
            raise RuntimeError("this client is open already")
        interceptors = [Showing(self._shown)] if self._shown else []
        self._open = _Open(connect(self._target, self._credentials, interceptors=interceptors))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the channel; calls that still run are cancelled."""
        services, self._open = self._services, None
        await services.channel.close()

    async def reach(
        self,
        within: float | None = FIRST_CONTACT_SECONDS,
        *,
        patient: bool = True,
        on_event: Callable[[UploadEvent], None] | None = None,
    ) -> None:
        """Wait until a gateway answers at the target for the first time.

        Args:
            within: Seconds; None waits for ever.
            patient: Wait for one that is not there yet. False: only for one that is slow.
            on_event: Called on the event loop while the gateway is waited for.

        Raises:
            NoGateway: something else is there; it says what.
            GaveUp: nothing answered in time; it says why, as far as can be found out.
        """
        services = self._services
        observe = on_event or _ignore
        get_upload, where = services.uploads.GetUpload, (self._target, self._access)
        await reach(services.channel, get_upload, *where, within, observe, patient=patient)

    async def upload(
        self,
        articles: Iterable[ArticleLike] | AsyncIterable[ArticleLike] | DataFrame,
        *,
        upload_id: str | None = None,
        must_exist: bool = False,
        on_event: Callable[[UploadEvent], None] | None = None,
    ) -> UploadSummary:
        """Send articles until each of them is settled: counted or refused, exactly once.

        Args:
            articles: The input, read no faster than the gateway settles it. The n-th is the
                article at offset n. A mapping has `publication`, `content` and, if it likes,
                `article_id` and `publish_time`; a data frame of pandas, polars or pyarrow has
                columns of these names and is read row by row. A synchronous iterable is read on
                the event loop, so it should not block for long.
            upload_id: The upload to make or to carry on. The same id with the same articles
                continues where the upload stands; articles below its `next_offset` are read over
                and not sent, so repeating a finished upload changes nothing. None makes a new one.
            must_exist: Only carry on: the upload of that id was made before, and if the gateway
                does not know it any more, that is NotFound and not a new start, which would count
                again what was settled.
            on_event: Called on the event loop as the upload moves; must be quick.

        Returns:
            The upload as it then stands, and the refusals of this call. One bad article is
            refused and never ends the upload: what is no article is MALFORMED, a value that is
            missing to pandas (NaN, None) is empty, what is too long for its field is cut to just
            above the limit, so that the gateway refuses it, and what UTF-8 cannot encode is
            replaced.

        Raises:
            PermanentError: the gateway refused for good; a subclass says why.
            NotFound: the upload was lost, or was never made although it `must_exist`.
            UploadWentBackwards: articles that were acknowledged are not settled any more.
            GaveUp: nothing moved for `RetryPolicy.give_up_after`.
            ValueError: `must_exist` without an `upload_id`.
            InputError: a data frame without the columns.
            Exception: whatever the input raised. What was settled by then stays settled.

            A NewstallyError says which upload it is (`upload_id`) and how many articles of it were
            acknowledged (`next_offset`); what the input raised has that as a note.
        """
        observe = on_event or _ignore
        articles = rows(articles)
        if must_exist and upload_id is None:
            raise ValueError("must_exist needs the upload_id")
        with upload_span() as span:
            if must_exist and upload_id is not None:
                upload = await self.get_upload(upload_id, on_event=observe)
            else:
                upload = await self.create_upload(upload_id, on_event=observe)
            services = self._services
            summary = await Uploader(
                services.stream_articles,
                services.uploads,
                upload,
                articles,
                self._policy,
                self._limits,
                observe,
                (*self._shown, *metadata(span)),
            ).run()
            span.end(
                upload_id=upload.upload_id,
                first_offset=upload.next_offset,
                next_offset=summary.next_offset,
                refused=summary.refused,
                retries=summary.statistics.retries,
            )
        return summary

    async def create_upload(
        self,
        upload_id: str | None = None,
        *,
        fingerprint: bytes = b"",
        on_event: Callable[[UploadEvent], None] | None = None,
    ) -> Upload:
        """Make an upload, or return the one of that id if the same owner made it before.

        Args:
            upload_id: Its id; None makes a random one.
            fingerprint: What tells its input from any other, a hash of it say: at most 64 bytes.
            on_event: Called on the event loop while the gateway is waited for.

        Raises:
            InvalidRequest: the id is malformed, or the upload was made with another fingerprint.
            UploadIdTaken: another owner has it.
        """
        # Chosen here, so that a second try after a lost answer finds the same upload.
        request = upload_pb2.CreateUploadRequest(
            upload_id=upload_id or new_upload_id(), fingerprint=fingerprint
        )
        response = await self._call(self._services.uploads.CreateUpload, request, on_event)
        return to_upload(response.upload)

    async def get_upload(
        self, upload_id: str, *, on_event: Callable[[UploadEvent], None] | None = None
    ) -> Upload:
        """Return one upload as it stands. Raises NotFound, or AccessDenied if it is another's."""
        request = upload_pb2.GetUploadRequest(upload_id=upload_id)
        response = await self._call(self._services.uploads.GetUpload, request, on_event)
        return to_upload(response.upload)

    async def uploads(self) -> AsyncIterator[Upload]:
        """Iterate over the caller's uploads, those made last first. Needs services of 0.3."""
        request = upload_pb2.ListUploadsRequest(page_size=PAGE_LIMIT_ITEMS)
        async for page in self._pages(self._services.uploads.ListUploads, request):
            for message in page.uploads:
                yield to_upload(message)

    async def assign_upload(self, upload_id: str, owner: str) -> Upload:
        """Give an upload that was made without a key to an owner; needs a key with scope admin.

        Raises NotFound where none of that id was made without a key, and AccessDenied.
        """
        request = upload_pb2.AssignUploadRequest(upload_id=upload_id, owner=owner)
        response = await self._call(self._services.uploads.AssignUpload, request)
        return to_upload(response.upload)

    async def wait_applied(self, upload_id: str) -> Upload:
        """Wait until all that is settled now has its tallies in the sink; polls twice a second.

        There is no limit to the wait but the caller's (`asyncio.timeout`): the sink may be down
        for as long as it likes. Raises what `get_upload` raises.
        """
        upload = await self.get_upload(upload_id)
        goal = upload.next_offset
        while upload.applied_offset < goal:
            await asyncio.sleep(APPLIED_POLL_SECONDS)
            upload = await self.get_upload(upload_id)
        return upload

    async def refusals(self, upload_id: str) -> AsyncIterator[Refusal]:
        """Iterate over all refusals of an upload by offset. Raises what `get_upload` raises."""
        request = upload_pb2.ListRefusalsRequest(upload_id=upload_id, page_size=PAGE_LIMIT_ITEMS)
        async for page in self._pages(self._services.uploads.ListRefusals, request):
            for message in page.refusals:
                yield to_refusal(message)

    async def refusal_ranges(self, upload_id: str) -> list[RefusalRange]:
        """Return where the refusals are that are not listed one by one, by first offset.

        Of very many refusals the gateway keeps the first only. Raises what `get_upload` raises.
        """
        request = upload_pb2.ListRefusalsRequest(upload_id=upload_id, page_size=PAGE_LIMIT_ITEMS)
        found: list[RefusalRange] = []
        async for page in self._pages(self._services.uploads.ListRefusals, request):
            found += map(to_range, page.refusal_ranges)  # on the last page only
        return found

    async def publications(self) -> AsyncIterator[PublicationTally]:
        """Iterate over the publications in the sink, those with most mentions first."""
        request = tally_pb2.ListPublicationsRequest(page_size=PAGE_LIMIT_ITEMS)
        async for page in self._pages(self._services.tallies.ListPublications, request):
            for message in page.publications:
                yield to_publication_tally(message)

    async def models(self) -> tuple[str, ...]:
        """Return what the tallies were counted with: model, version, and what decides on names.

        More than one may have counted the same thing under different names. Empty if the persister
        does not say.
        """
        request = tally_pb2.ListPublicationsRequest(page_size=1)
        page = await self._call(self._services.tallies.ListPublications, request)
        return tuple(page.models)

    async def entity_tallies(
        self, publication: str, *, label: str = "", page_size: int = PAGE_LIMIT_ITEMS
    ) -> AsyncIterator[EntityTally]:
        """Iterate over a publication's entities, the most mentioned first.

        Args:
            publication: In any spelling; case and white space do not matter.
            label: Only this label, for example "PERSON".
            page_size: How many to fetch at a time, 1 to 1,000.

        Raises:
            NotFound: nothing of that publication is in the sink.
        """
        request = tally_pb2.ListEntityTalliesRequest(
            publication=publication, label=label, page_size=page_size
        )
        async for page in self._pages(self._services.tallies.ListEntityTallies, request):
            for message in page.entity_tallies:
                yield to_entity_tally(message)

    @property
    def questions(self) -> Questions:
        """Questions by day: what is mentioned most, what rises, one entity over time."""
        return Questions(self._services.tallies, self._pages)

    async def _call(
        self,
        method: Callable[..., Awaitable[T]],
        request: object,
        on_event: Callable[[UploadEvent], None] | None = None,
    ) -> T:
        return await Retrying(self._policy, on_event).run(
            lambda: method(request, timeout=self._policy.call_timeout)
        )

    async def _pages(
        self, method: Callable[..., Awaitable[P]], request: "_PageRequest"
    ) -> AsyncIterator[P]:
        while True:
            page = await self._call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    @property
    def _services(self) -> "_Open":
        if self._open is None:
            raise RuntimeError("use NewstallyClient with `async with`")
        return self._open


def _ignore(_event: UploadEvent) -> None: ...


def new_upload_id() -> str:
    """Return a random upload id."""
    return uuid.uuid4().hex
