"""What a call that failed means for a reader."""

import grpc
import pytest
from newstally_dashboard.asking.troubles import Kind, trouble_of
from newstally_dashboard.pages.site import STATUSES


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (grpc.StatusCode.NOT_FOUND, Kind.ABSENT, 404),
        (grpc.StatusCode.FAILED_PRECONDITION, Kind.EMPTY, 200),
        (grpc.StatusCode.INVALID_ARGUMENT, Kind.WRONG, 400),
        (grpc.StatusCode.UNIMPLEMENTED, Kind.UNANSWERED, 200),
        (grpc.StatusCode.UNAUTHENTICATED, Kind.DENIED, 502),
        (grpc.StatusCode.PERMISSION_DENIED, Kind.DENIED, 502),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Kind.BUSY, 503),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Kind.BUSY, 503),
        (grpc.StatusCode.UNAVAILABLE, Kind.AWAY, 503),
        (grpc.StatusCode.INTERNAL, Kind.AWAY, 503),
    ],
)
def test_each_status_has_its_meaning(code: grpc.StatusCode, kind: Kind, status: int) -> None:
    """And its HTTP status where a page is about it."""
    trouble = trouble_of(code, "what was said")
    assert trouble.kind is kind
    assert STATUSES.get(kind, 200) == status
    assert trouble.title
    assert trouble.message.endswith(".")
    assert trouble.passing is (kind in (Kind.BUSY, Kind.AWAY))


@pytest.mark.parametrize("code", grpc.StatusCode)
def test_no_status_is_without_one(code: grpc.StatusCode) -> None:
    """Whatever comes."""
    assert trouble_of(code, "").message


def test_the_remedy_of_the_store_is_passed_on() -> None:
    """It knows what to ask instead; an older one does not even know the question."""
    told = trouble_of(
        grpc.StatusCode.UNIMPLEMENTED, "this sink answers that by publication: name one"
    )
    assert told.message.startswith("This sink answers that by publication: name one")
    older = trouble_of(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
    assert "0.3" in older.message


def test_what_was_said_harms_nobody() -> None:
    """It is cut, and shows what cannot be seen."""
    told = trouble_of(grpc.StatusCode.NOT_FOUND, "\x1b[31m\u202e" + "x" * 5_000)
    assert "\x1b" not in told.message
    assert "\u202e" not in told.message
    assert len(told.message) < 600
