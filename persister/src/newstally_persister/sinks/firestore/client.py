"""One database, through Google's generated client. Every call is sent once (`retry=None`)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import grpc
from google.auth.credentials import Credentials
from google.cloud.firestore_v1.services.firestore import FirestoreAsyncClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    Document,
    DocumentMask,
    ListDocumentsRequest,
    RunQueryRequest,
    RunQueryResponse,
    StructuredQuery,
)

SCOPES = FirestoreGrpcAsyncIOTransport.AUTH_SCOPES
_MESSAGE_SIZES = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class FirestoreClient:
    """Commits, documents by name, queries. Messages are the protobuf classes themselves.

    Raises GoogleAPICallError from every call.
    """

    def __init__(
        self, api: FirestoreAsyncClient, database: str, metadata: Sequence[tuple[str, str]] = ()
    ) -> None:
        """`database` is `projects/…/databases/…`."""
        self._api = api
        self._metadata = metadata
        self.database = database
        self.documents = f"{database}/documents"
        """What every document's name begins with."""

    async def commit(self, writes: Sequence[Any], seconds: float) -> Sequence[Any]:
        """Apply all writes or none; return what Firestore says of each.

        After an error they may have been applied or not.
        """
        request = CommitRequest.pb()(database=self.database, writes=writes)
        # The client's own retry would send a commit again that was applied.
        response = await self._api.commit(
            CommitRequest.wrap(request), retry=None, timeout=seconds, metadata=self._metadata
        )
        results: Sequence[Any] = type(response).pb(response).write_results
        return results

    async def read(self, name: str, seconds: float) -> Any:
        """Return the document, or None when there is none of that name."""
        return (await self.read_at(name, seconds))[0]

    async def read_at(self, name: str, seconds: float) -> tuple[Any, datetime]:
        """Return the document, or None, and when it was so by Firestore's clock."""
        found, at = await self._read([name], seconds)
        return found.get(name), at

    async def read_many(
        self, names: Sequence[str], seconds: float, fields: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return those of these documents that there are, by name; not all as of one moment.

        With `fields`, only these of each document.
        """
        return (await self._read(names, seconds, fields))[0]

    async def _read(
        self, names: Sequence[str], seconds: float, fields: Sequence[str] = ()
    ) -> tuple[dict[str, Any], datetime]:
        # Not GetDocument, which answers NOT_FOUND also when there is no such database.
        request = BatchGetDocumentsRequest(database=self.database, documents=names)
        if fields:
            request.mask = DocumentMask(field_paths=fields)
        answers = await self._api.batch_get_documents(
            request, retry=None, timeout=seconds, metadata=self._metadata
        )
        found = {}
        at = datetime.now(UTC)
        async for answer in answers:
            message = BatchGetDocumentsResponse.pb(answer)
            if message.HasField("found"):
                found[message.found.name] = message.found
            at = message.read_time.ToDatetime(UTC)
        return found, at

    async def query(
        self, parent: str, query: StructuredQuery, seconds: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the fields of the documents below `parent` that the query finds."""
        async with aclosing(self.found(parent, query, seconds)) as documents:
            async for document in documents:
                yield fields(document)

    async def found(
        self, parent: str, query: StructuredQuery, seconds: float
    ) -> AsyncGenerator[Any, None]:
        """Yield the documents below `parent` that the query finds."""
        request = RunQueryRequest(parent=parent, structured_query=query)
        answers: Any = await self._api.run_query(
            request, retry=None, timeout=seconds, metadata=self._metadata
        )
        try:
            async for answer in answers:
                message = RunQueryResponse.pb(answer)
                if message.HasField("document"):
                    yield message.document
        finally:
            answers.cancel()

    async def pages(
        self, parent: str, collection: str, size: int, seconds: float
    ) -> AsyncGenerator[list[Any], None]:
        """Yield the documents below `parent`, so many at a time."""
        request = ListDocumentsRequest(parent=parent, collection_id=collection, page_size=size)
        pages: Any = await self._api.list_documents(
            request, retry=None, timeout=seconds, metadata=self._metadata
        )
        async for page in pages.pages:
            yield [Document.pb(document) for document in page.documents]

    async def names(self, parent: str, collection: str, limit: int, seconds: float) -> list[str]:
        """Return names of documents below `parent`, also of such that have only documents below.

        At most so many, and [] when there are none.
        """
        return (await self.names_behind("", parent, collection, limit, seconds))[0]

    async def names_behind(
        self, place: str, parent: str, collection: str, limit: int, seconds: float
    ) -> tuple[list[str], str]:
        """Return names as `names` does, behind a place, and the place of the last one.

        "" is the place before all, and behind all. A place stays where it is, whatever is deleted.
        """
        request = ListDocumentsRequest(
            parent=parent,
            collection_id=collection,
            page_size=limit,
            page_token=place,
            show_missing=True,
            mask=DocumentMask(field_paths=["__name__"]),
        )
        page: Any = await self._api.list_documents(
            request, retry=None, timeout=seconds, metadata=self._metadata
        )
        return [document.name for document in page.documents], page.next_page_token

    async def all_names(
        self, parent: str, collection: str, size: int, seconds: float
    ) -> AsyncGenerator[list[str], None]:
        """Yield names of documents as `names` does, of all of them, so many at a time."""
        place = ""
        while True:
            names, place = await self.names_behind(place, parent, collection, size, seconds)
            yield names
            if not place:
                return

    async def close(self) -> None:
        """Close the channel; calls under way are cut."""
        await self._api.transport.close()  # type: ignore[no-untyped-call]


def fields(document: Any) -> dict[str, Any]:
    """Return a document's texts and whole numbers by field; others are left out."""
    found: dict[str, Any] = {}
    for name, value in document.fields.items():
        kind = value.WhichOneof("value_type")
        if kind in ("string_value", "integer_value"):
            found[name] = getattr(value, kind)
    return found


def with_credentials(credentials: Credentials | None, database: str) -> FirestoreClient:
    """Return a client of Cloud Firestore. Connects to nothing yet."""
    return FirestoreClient(FirestoreAsyncClient(credentials=credentials), database)


def of_emulator(host: str, database: str) -> FirestoreClient:
    """Return a client of an emulator, as its owner. Connects to nothing yet."""
    channel = grpc.aio.insecure_channel(host, options=_MESSAGE_SIZES)
    transport = FirestoreGrpcAsyncIOTransport(channel=channel)
    return FirestoreClient(
        FirestoreAsyncClient(transport=transport), database, [("authorization", "Bearer owner")]
    )
