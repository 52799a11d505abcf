"""The offset rules of newstally.v1 in memory: what is taken, passed over, settled and refused."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
from newstally_protos.limits import (
    ARTICLE_ID_LIMIT_BYTES,
    CONTENT_LIMIT_BYTES,
    PUBLICATION_LIMIT_BYTES,
)
from newstally_protos.v1 import (
    article_pb2,
    upload_pb2,
)
from newstally_runtime import status


@dataclass
class Journal:
    """One upload as the server knows it."""

    upload_id: str
    counted: list[tuple[int, str, str]] = field(default_factory=list)
    times: list[datetime | None] = field(default_factory=list)
    """Of what was counted."""
    refusals: list[article_pb2.Refusal] = field(default_factory=list)
    next_offset: int = 0

    def message(self, applied_behind: int = 0) -> upload_pb2.Upload:
        return upload_pb2.Upload(
            upload_id=self.upload_id,
            next_offset=self.next_offset,
            applied_offset=max(0, self.next_offset - applied_behind),
            counted=len(self.counted),
            refused=len(self.refusals),
            mentions=sum(len(content.split()) for _, _, content in self.counted),
            models=["words 1.0"],
        )


class Numbering:
    """The offset rules for one stream."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.pending: list[Any] = []  # requests, their offsets filled in
        self.over = False
        self._frontier = journal.next_offset
        self._previous = -1

    def place_all(self, requests: list[Any]) -> int:
        for request in requests:
            self.place(request)
        return len(requests)

    def place(self, request: Any) -> None:
        if not request.HasField("offset"):
            request.offset = self._previous + 1
        self._previous = request.offset
        # Another stream may be ahead in the same upload.
        self._frontier = max(self._frontier, self.journal.next_offset)
        if request.offset > self._frontier:
            raise status.StatusError(
                grpc.StatusCode.OUT_OF_RANGE,
                f"offset {request.offset} leaves a gap after {self._frontier}",
            )
        if request.offset == self._frontier:
            self.pending.append(request)
            self._frontier += 1

    def settle(self, most: int | None) -> list[article_pb2.Refusal]:
        batch, self.pending = self.pending[:most], self.pending[most or len(self.pending) :]
        refused = []
        for request in batch:
            if request.offset < self.journal.next_offset:
                continue  # another stream was faster
            assert request.offset == self.journal.next_offset
            refusal = _refuse(request.offset, request.article)
            if refusal is None:
                article = request.article
                self.journal.counted.append((request.offset, article.publication, article.content))
                dated = article.HasField("publish_time")
                self.journal.times.append(article.publish_time.ToDatetime(UTC) if dated else None)
            else:
                self.journal.refusals.append(refusal)
                refused.append(refusal)
            self.journal.next_offset += 1
        return refused


def ranges_of(refusals: list[article_pb2.Refusal]) -> list[upload_pb2.RefusalRange]:
    """Return where refusals are, one range for each run of one reason."""
    found: list[upload_pb2.RefusalRange] = []
    for refusal in refusals:
        last = found[-1] if found else None
        if last and (last.end_offset, last.reason) == (refusal.offset, refusal.reason):
            last.end_offset += 1
            last.articles += 1
        else:
            found.append(
                upload_pb2.RefusalRange(
                    first_offset=refusal.offset,
                    end_offset=refusal.offset + 1,
                    reason=refusal.reason,
                    articles=1,
                )
            )
    return found


def _refuse(offset: int, article: Any) -> article_pb2.Refusal | None:
    reasons = article_pb2.RefusalReason
    if isinstance(article, bytes):
        return article_pb2.Refusal(offset=offset, reason=reasons.REFUSAL_REASON_MALFORMED)
    checks = (
        (not article.publication.strip(), reasons.REFUSAL_REASON_PUBLICATION_EMPTY),
        (
            len(article.publication.strip().encode()) > PUBLICATION_LIMIT_BYTES,
            reasons.REFUSAL_REASON_PUBLICATION_TOO_LONG,
        ),
        (not article.content.strip(), reasons.REFUSAL_REASON_CONTENT_EMPTY),
        (
            len(article.content.encode()) > CONTENT_LIMIT_BYTES,
            reasons.REFUSAL_REASON_CONTENT_TOO_LONG,
        ),
        (
            len(article.article_id.encode()) > ARTICLE_ID_LIMIT_BYTES,
            reasons.REFUSAL_REASON_ARTICLE_ID_TOO_LONG,
        ),
    )
    for wrong, reason in checks:
        if wrong:
            return article_pb2.Refusal(
                offset=offset,
                article_id=article.article_id[:64],
                reason=reason,
                message=reasons.Name(reason).removeprefix("REFUSAL_REASON_").lower(),
            )
    return None
