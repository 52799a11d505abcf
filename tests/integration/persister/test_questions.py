"""Questions by day to a real persister: answers of what was uploaded, statuses, pages."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from newstally_persister.services.paging import next_token
from newstally_protos.v1 import tally_pb2
from support.processes import Process
from unit.persister.building import Article, spelt_database
from unit.persister.calling import SECONDS, Caller, persister

TODAY = datetime.now(UTC).date().toordinal() - date(1970, 1, 1).toordinal()
WHITCOMBE, TALLIS, NATO = ("eleanor whitcombe", "PERSON"), ("tallis", "PERSON"), ("nato", "ORG")
Days = tally_pb2.Days


def articles() -> list[Article]:
    """Four weeks with NATO in every article, and in the last days Whitcombe."""
    made: list[Article] = []
    for back in range(35):
        made += [("The Post", [NATO], TODAY - back), ("Sun", [NATO, TALLIS], TODAY - back)]
    made += [("The Post", [WHITCOMBE, WHITCOMBE, NATO], TODAY - back) for back in range(6)]
    return [*made, ("The Post", [WHITCOMBE], None), None]


def iso(day: int) -> str:
    return date.fromordinal(day + date(1970, 1, 1).toordinal()).isoformat()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with persister(tmp_path_factory.mktemp("questions"), "--flush-age", "0.01") as running:
        with Caller(running.address) as caller:
            caller.create("job")
            caller.record("job", 0, articles())
            caller.until_applied("job")
        yield running


@pytest.fixture
def caller(process: Process) -> Iterator[Caller]:
    with Caller(process.address) as made:
        yield made


def rows(tallies: Any) -> list[tuple[str, int, int]]:
    return [(each.text, each.mentions, each.articles) for each in tallies]


def test_the_most_mentioned_within_some_days(caller: Caller) -> None:
    """Of a publication in any spelling, or of all; the days are in UTC, both ends included."""
    week = Days(first=iso(TODAY - 6), last=iso(TODAY))
    of_post = tally_pb2.RankEntitiesRequest(publication="the POST", days=week)
    found = caller.tallies.RankEntities(of_post, timeout=SECONDS)
    assert rows(found.entity_tallies) == [("nato", 13, 13), ("eleanor whitcombe", 12, 6)]
    assert found.articles == 13
    of_all = tally_pb2.RankEntitiesRequest(label="PERSON", days=Days(last=iso(TODAY - 6)))
    found = caller.tallies.RankEntities(of_all, timeout=SECONDS)
    assert rows(found.entity_tallies) == [("tallis", 29, 29)]
    found = caller.tallies.RankEntities(tally_pb2.RankEntitiesRequest(), timeout=SECONDS)
    assert rows(found.entity_tallies)[:2] == [("nato", 76, 76), ("tallis", 35, 35)]
    assert found.articles == 77


def test_what_rises(caller: Caller) -> None:
    """The last week against four before, where nothing else is asked for."""
    request = tally_pb2.ListRisingEntitiesRequest(publication="the post", min_articles=2)
    found = caller.tallies.ListRisingEntities(request, timeout=SECONDS)
    assert [each.tally.text for each in found.entities] == ["eleanor whitcombe"]
    (risen,) = found.entities
    assert (risen.base_mentions, risen.base_articles) == (0, 0)
    assert 1 < risen.at_least < risen.times
    assert found.days == Days(first=iso(TODAY - 6), last=iso(TODAY))
    assert found.base == Days(first=iso(TODAY - 34), last=iso(TODAY - 7))
    assert (found.articles, found.base_articles) == (13, 28)


def test_one_entity_by_day_and_by_publication(caller: Caller) -> None:
    """In any case; a text without a label is that with most mentions; undated ones are told."""
    request = tally_pb2.GetEntityHistoryRequest(text=" Eleanor  WHITCOMBE", page_size=30)
    first = caller.tallies.GetEntityHistory(request, timeout=SECONDS)
    assert rows([first.entity_tally]) == [("eleanor whitcombe", 13, 7)]
    assert (first.without_day.mentions, first.without_day.counted_articles) == (1, 1)
    request.page_token = first.next_page_token
    second = caller.tallies.GetEntityHistory(request, timeout=SECONDS)
    days = [*first.days, *second.days]
    assert [day.period for day in days] == [iso(TODAY - back) for back in range(34, -1, -1)]
    assert [day.mentions for day in days][-7:] == [0, 2, 2, 2, 2, 2, 2]
    assert [day.counted_articles for day in days][-7:] == [2, 3, 3, 3, 3, 3, 3]
    assert not second.next_page_token
    across = tally_pb2.ListEntityPublicationsRequest(text="NATO", days=Days(first=iso(TODAY - 1)))
    found = caller.tallies.ListEntityPublications(across, timeout=SECONDS)
    assert [(each.publication, each.mentions) for each in found.publications] == [
        ("The Post", 4),
        ("Sun", 2),
    ]


def test_names_by_their_beginning(caller: Caller) -> None:
    """Page by page, in any case."""
    request = tally_pb2.FindEntitiesRequest(beginning="ELEANOR w")
    found = caller.tallies.FindEntities(request, timeout=SECONDS)
    assert rows(found.entity_tallies) == [("eleanor whitcombe", 13, 7)]
    request = tally_pb2.FindEntitiesRequest(beginning="n", publication="Sun")
    found = caller.tallies.FindEntities(request, timeout=SECONDS)
    assert rows(found.entity_tallies) == [("nato", 35, 35)]


def test_every_answer_says_up_to_when_it_holds(caller: Caller) -> None:
    """Where nothing waits, up to now."""
    asked = time.time()
    answers: list[Any] = [
        caller.tallies.ListPublications(tally_pb2.ListPublicationsRequest(), timeout=SECONDS),
        caller.tallies.ListEntityTallies(
            tally_pb2.ListEntityTalliesRequest(publication="sun"), timeout=SECONDS
        ),
        caller.tallies.RankEntities(tally_pb2.RankEntitiesRequest(), timeout=SECONDS),
        caller.tallies.ListRisingEntities(tally_pb2.ListRisingEntitiesRequest(), timeout=SECONDS),
        caller.tallies.GetEntityHistory(
            tally_pb2.GetEntityHistoryRequest(text="nato"), timeout=SECONDS
        ),
        caller.tallies.ListEntityPublications(
            tally_pb2.ListEntityPublicationsRequest(text="nato"), timeout=SECONDS
        ),
        caller.tallies.FindEntities(tally_pb2.FindEntitiesRequest(beginning="x"), timeout=SECONDS),
    ]
    for answer in answers:
        assert asked <= answer.applied_time.ToMicroseconds() / 1e6 <= time.time()


def forged(request: Any, *position: str) -> Any:
    """Return the request with a page token that a caller has made."""
    query = type(request).__name__, request.SerializeToString(deterministic=True).hex()
    request.page_token = next_token(query, position)
    return request


WRONG: list[tuple[str, Any, grpc.StatusCode, str]] = [
    (
        "RankEntities",
        tally_pb2.RankEntitiesRequest(days=Days(first="2026-02-30")),
        grpc.StatusCode.INVALID_ARGUMENT,
        "days.first",
    ),
    (
        "RankEntities",
        tally_pb2.RankEntitiesRequest(days=Days(first="2026-02-02", last="2026-02-01")),
        grpc.StatusCode.INVALID_ARGUMENT,
        "days",
    ),
    (
        "RankEntities",
        tally_pb2.RankEntitiesRequest(publication="nobody"),
        grpc.StatusCode.NOT_FOUND,
        "publication",
    ),
    (
        "RankEntities",
        tally_pb2.RankEntitiesRequest(page_size=-1),
        grpc.StatusCode.INVALID_ARGUMENT,
        "page_size",
    ),
    (
        "RankEntities",
        tally_pb2.RankEntitiesRequest(page_token="x"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "page_token",
    ),
    (
        "ListRisingEntities",
        tally_pb2.ListRisingEntitiesRequest(days=Days(first="2026-02-01")),
        grpc.StatusCode.INVALID_ARGUMENT,
        "both ends",
    ),
    (
        "ListRisingEntities",
        tally_pb2.ListRisingEntitiesRequest(
            days=Days(first="2026-02-01", last="2026-02-07"),
            base=Days(first="2026-01-01", last="2026-02-01"),
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "overlap",
    ),
    (
        "ListRisingEntities",
        tally_pb2.ListRisingEntitiesRequest(days=Days(first="1999-01-01", last="1999-02-01")),
        grpc.StatusCode.FAILED_PRECONDITION,
        "no article was counted from 1999-01-01 to 1999-02-01",
    ),
    (
        "ListRisingEntities",
        tally_pb2.ListRisingEntitiesRequest(days=Days(first="0001-01-01", last="0001-01-01")),
        grpc.StatusCode.FAILED_PRECONDITION,
        "no day before 0001-01-01",
    ),
    (
        "ListEntityTallies",
        tally_pb2.ListEntityTalliesRequest(publication="a" + "\u0315\u0300" * 500_000),
        grpc.StatusCode.NOT_FOUND,
        "publication",
    ),
    (
        "GetEntityHistory",
        forged(tally_pb2.GetEntityHistoryRequest(text="nato"), "x"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "page_token",
    ),
    (
        "GetEntityHistory",
        tally_pb2.GetEntityHistoryRequest(text=" ."),
        grpc.StatusCode.INVALID_ARGUMENT,
        "text",
    ),
    (
        "GetEntityHistory",
        tally_pb2.GetEntityHistoryRequest(text="nato", label="PERSON"),
        grpc.StatusCode.NOT_FOUND,
        "entity",
    ),
    (
        "ListEntityPublications",
        tally_pb2.ListEntityPublicationsRequest(text="x" * 5_000),
        grpc.StatusCode.INVALID_ARGUMENT,
        "4096",
    ),
    (
        "FindEntities",
        tally_pb2.FindEntitiesRequest(beginning=" "),
        grpc.StatusCode.INVALID_ARGUMENT,
        "beginning",
    ),
]


@pytest.mark.parametrize(("method", "request_", "code", "message"), WRONG)
def test_what_cannot_be_asked(
    caller: Caller, method: str, request_: Any, code: grpc.StatusCode, message: str
) -> None:
    """Each with the status of the existing methods, and the field that is wrong."""
    with pytest.raises(grpc.RpcError) as caught:
        getattr(caller.tallies, method)(request_, timeout=SECONDS)
    assert caught.value.code() is code
    assert message in (caught.value.details() or "")


def test_a_store_of_0_2_0_says_what_to_do(tmp_path: Path) -> None:
    """It keeps no days: UNIMPLEMENTED, with the command that helps."""
    (tmp_path / "data").mkdir(mode=0o700)
    path = tmp_path / "data" / "tallies.db"
    spelt = spelt_database()
    spelt.execute("VACUUM INTO ?", (str(path),))
    path.chmod(0o600)
    with (
        persister(tmp_path) as process,
        Caller(process.address) as caller,
        pytest.raises(grpc.RpcError, match="upgrade-store") as caught,
    ):
        caller.tallies.RankEntities(
            tally_pb2.RankEntitiesRequest(), timeout=SECONDS, wait_for_ready=True
        )
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("number", ["", "x", "\u0663", "-1", "9" * 30, "9" * 5_000])
def test_a_position_that_a_caller_has_made_does_no_harm(caller: Caller, number: str) -> None:
    """It is one behind all names that begin so, whatever number it has."""
    request = forged(tally_pb2.FindEntitiesRequest(beginning="na"), "\U0010ffffna", number)
    assert caller.tallies.FindEntities(request, timeout=SECONDS).applied_time.seconds
