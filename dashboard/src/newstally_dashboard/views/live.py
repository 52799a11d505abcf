"""What goes on now: rates, and uploads under way. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import compress

from newstally.client.status.overview import Overview
from newstally_protos.v1.upload_pb2 import ListUploadsResponse, Upload

QUIET = timedelta(seconds=15)
"""An upload that has not moved for so long, and is in the sink, is not under way."""
MOST = 10


@dataclass(frozen=True, slots=True)
class Moving:
    """An upload that is under way."""

    upload_id: str
    settled: int
    refused: int
    mentions: int
    applied: int
    """Of the settled ones: those whose tallies can be read."""
    since: datetime

    @property
    def part(self) -> float:
        """Which part of what is settled can be read, 0 to 1."""
        return self.applied / self.settled if self.settled else 1.0


@dataclass(frozen=True, slots=True)
class Uploads:
    """The latest uploads."""

    moving: list[Moving]
    more_moving: int
    begun_today: int
    """Articles of uploads that were begun today, in UTC..."""
    or_more: bool
    """...at least: there may be others of today."""


def uploads(found: ListUploadsResponse, now: datetime) -> Uploads:
    """Return those under way, those that moved last first."""
    every = [(each, each.update_time.ToDatetime(UTC)) for each in found.uploads]
    moving = [
        _moving(each)
        for each, moved in sorted(every, key=lambda pair: pair[1], reverse=True)
        if now - moved < QUIET or each.applied_offset < each.next_offset
    ]
    today = [_is_of(each, now.date()) for each in found.uploads]
    return Uploads(
        moving[:MOST],
        max(0, len(moving) - MOST),
        sum(each.next_offset for each in compress(found.uploads, today)),
        or_more=bool(found.next_page_token) and today[-1:] == [True],  # the newest come first
    )


def _is_of(upload: Upload, day: date) -> bool:
    return upload.create_time.ToDatetime(UTC).date() == day


def _moving(upload: Upload) -> Moving:
    return Moving(
        upload.upload_id,
        upload.next_offset,
        upload.refused,
        upload.mentions,
        upload.applied_offset,
        upload.create_time.ToDatetime(UTC),
    )


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast articles come in, over all gateways."""

    received_per_second: float
    settled_per_second: float
    queued: int
    streams: int
    replicas: int
    """That are up."""


def rates(status: Overview) -> Rates:
    """Return the sums over all gateways."""
    gateways = status["gateways"]
    return Rates(
        sum(each["received_per_second"] for each in gateways),
        sum(each["settled_per_second"] for each in gateways),
        sum(each["queued_articles"] for each in gateways),
        sum(each["streams"] for each in gateways),
        sum(each["state"] == "up" for each in status["replicas"]),
    )
