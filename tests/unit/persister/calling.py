"""A caller of a real persister, for the tests that run one."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from newstally_persister.values.keys import publication_key
from newstally_protos.v1 import (
    journal_pb2_grpc,
    tally_pb2,
    tally_pb2_grpc,
    upload_pb2,
    upload_pb2_grpc,
)
from support.processes import Process, eventually
from unit.persister.building import Article, Tallies, request

SECONDS = 60.0


def persister(directory: Path, *flags: str) -> Process:
    """Return a persister on `directory / "data"`, not started."""
    directory.mkdir(parents=True, exist_ok=True)
    return Process(
        "newstally_persister",
        ["--data-dir", str(directory / "data"), *flags],
        directory / "persister.log",
    )


class Caller:
    """The three services of one persister."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(
            address, options=[("grpc.max_reconnect_backoff_ms", 100)]
        )
        self.uploads = upload_pb2_grpc.UploadServiceStub(self._channel)
        self.journal = journal_pb2_grpc.JournalServiceStub(self._channel)
        self.tallies = tally_pb2_grpc.TallyServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._channel.close()

    def create(self, upload_id: str) -> None:
        """Make an upload."""
        self.uploads.CreateUpload(
            upload_pb2.CreateUploadRequest(upload_id=upload_id), timeout=SECONDS
        )

    def upload(self, upload_id: str) -> upload_pb2.Upload:
        """Return an upload."""
        return self.uploads.GetUpload(
            upload_pb2.GetUploadRequest(upload_id=upload_id), timeout=SECONDS, wait_for_ready=True
        ).upload

    def record(self, upload_id: str, first: int, articles: Sequence[Article]) -> upload_pb2.Upload:
        """Record a batch once."""
        return self.journal.RecordBatch(request(upload_id, first, articles), timeout=SECONDS).upload

    def insist(self, upload_id: str, first: int, articles: Sequence[Article]) -> upload_pb2.Upload:
        """Record a batch, sending it again, as it is, until there is an answer."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.record(upload_id, first, articles)
            except grpc.RpcError as error:
                if error.code() not in (
                    grpc.StatusCode.UNAVAILABLE,
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                ):
                    raise
                assert time.monotonic() < deadline, "no answer for a minute"
                time.sleep(0.01)

    def give(self, upload_id: str, first: int, articles: Sequence[Article]) -> None:
        """Record a batch once; what takes it may end before it answers."""
        try:
            self.record(upload_id, first, articles)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise

    def until_applied(self, upload_id: str) -> None:
        """Wait until all that is settled is applied."""
        eventually(
            lambda: (found := self.upload(upload_id)).applied_offset == found.next_offset,
            what="applied",
        )

    def publications(self) -> tally_pb2.ListPublicationsResponse:
        """Ask for the first publications."""
        return self.tallies.ListPublications(tally_pb2.ListPublicationsRequest(), timeout=SECONDS)

    def everything(self) -> Tallies:
        """Read all tallies, page by page, under lower-case names."""
        total = Tallies()
        token = ""
        while True:
            page = self.tallies.ListPublications(
                tally_pb2.ListPublicationsRequest(page_size=2, page_token=token),
                timeout=SECONDS,
                wait_for_ready=True,
            )
            for found in page.publications:
                key = publication_key(found.publication)
                total[key, "", "", "articles"] = found.articles
                total[key, "", "", "mentions"] = found.mentions
                self._add_entities(total, key)
            token = page.next_page_token
            if not token:
                return +total

    def _add_entities(self, total: Tallies, key: str) -> None:
        token = ""
        while True:
            page = self.tallies.ListEntityTallies(
                tally_pb2.ListEntityTalliesRequest(publication=key, page_size=7, page_token=token),
                timeout=SECONDS,
            )
            for entity in page.entity_tallies:
                total[key, entity.text, entity.label, "mentions"] = entity.mentions
                total[key, entity.text, entity.label, "articles"] = entity.articles
            token = page.next_page_token
            if not token:
                return
