"""What goes on now."""

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from newstally_dashboard.views.live import MOST, uploads
from newstally_protos.v1.upload_pb2 import ListUploadsResponse, Upload

NOW = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)


def at(seconds_ago: float) -> Timestamp:
    time = Timestamp()
    time.FromDatetime(NOW - timedelta(seconds=seconds_ago))
    return time


def upload(name: str, moved: float, settled: int, applied: int, begun: float = 600) -> Upload:
    return Upload(
        upload_id=name,
        next_offset=settled,
        applied_offset=applied,
        counted=settled,
        create_time=at(begun),
        update_time=at(moved),
    )


def listed(*found: Upload, more: str = "") -> ListUploadsResponse:
    return ListUploadsResponse(uploads=found, next_page_token=more)


def test_what_moves_or_cannot_be_read_yet_is_under_way() -> None:
    """Those that moved last first; what rests and is in the sink is done."""
    done, waits = upload("done", 16, 10, 10), upload("waits", 3_000, 10, 4)
    found = uploads(listed(done, waits, upload("moves", 2, 10, 10)), NOW)
    assert [(each.upload_id, each.part) for each in found.moving] == [
        ("moves", 1.0),
        ("waits", 0.4),
    ]


def test_the_articles_of_today_are_those_of_uploads_that_were_begun_today() -> None:
    """In UTC: half an hour ago."""
    today, yesterday = upload("today", 1, 10, 10), upload("yesterday", 1, 100, 100, begun=3_600)
    found = uploads(listed(today, yesterday), NOW)
    assert found.begun_today == 10


def test_more_uploads_of_today_than_are_listed_are_not_passed_over() -> None:
    """The list begins with the newest: one of yesterday says that today is whole."""
    today, yesterday = upload("today", 1, 10, 10), upload("yesterday", 1, 100, 100, begun=3_600)
    assert uploads(listed(today, today, more="token"), NOW).or_more
    assert not uploads(listed(today, yesterday, more="token"), NOW).or_more
    assert not uploads(listed(today, today), NOW).or_more
    assert not uploads(listed(), NOW).or_more


def test_no_more_are_shown_than_can_be_read() -> None:
    """The others are counted."""
    found = uploads(listed(*(upload(str(n), 1, 1, 0) for n in range(MOST + 3))), NOW)
    assert (len(found.moving), found.more_moving) == (MOST, 3)


def test_an_upload_that_has_just_begun() -> None:
    """Nothing is settled, and nothing missing; by a clock that is behind, too."""
    (each,) = uploads(listed(upload("new", -5, 0, 0, begun=-5)), NOW).moving
    assert each.part == 1.0
