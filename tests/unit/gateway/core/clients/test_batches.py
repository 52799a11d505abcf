from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.clients.batches import BATCH_OVERHEAD_BYTES, Batch, fold
from newstally_gateway.core.outcomes import (
    LARGEST_OUTCOME_BYTES,
    Outcome,
    judge,
)
from newstally_gateway.core.tasks import Task
from newstally_protos.days import FIRST_DAY, LAST_DAY
from newstally_protos.limits import CONTENT_LIMIT_BYTES, result_limit_bytes
from newstally_protos.v1.extractor_pb2 import ArticleEntities, EntityMentions, Result
from unit.gateway.core.builders import entities, refused

Counts = dict[tuple[str, str], int]
CONTENT_BYTES = 100_000


def outcome(
    publication: str,
    counts: Counts,
    model: str = "en 1",
    names: Mapping[tuple[str, str], str] | None = None,
    day: int | None = None,
) -> Outcome:
    article = Task("s", 0, publication, "", "text", CONTENT_BYTES, day)
    found = entities(counts)
    for entity in found.entities:
        entity.name = (names or {}).get((entity.text, entity.label), "")
    return judge(article, Result(entities=found), model).outcome


def batch(*outcomes: Outcome, first_offset: int = 0) -> Batch:
    size = BATCH_OVERHEAD_BYTES + sum(o.size_bytes for o in outcomes)
    return Batch(first_offset, outcomes, size)


def test_mentions_and_articles_are_summed_per_publication_and_entity() -> None:
    """An entity's mentions add up, and each article that mentions it counts once."""
    request = fold(
        batch(
            outcome("A", {("paris", "GPE"): 2, ("kim", "PERSON"): 1}),
            outcome("B", {("paris", "GPE"): 5}),
            outcome("A", {("paris", "GPE"): 3}),
            outcome("A", {}),
            first_offset=4,
        ),
        "up",
    )
    assert (request.upload_id, request.first_offset, request.end_offset) == ("up", 4, 8)
    assert [(p.publication, p.articles) for p in request.publications] == [("A", 3), ("B", 1)]
    tallies = [(t.text, t.mentions, t.articles) for t in request.publications[0].entity_tallies]
    assert tallies == [("paris", 5, 2), ("kim", 1, 1)]


def test_each_day_of_a_publication_is_summed_by_itself() -> None:
    """Also the days before 1970; articles without one stay without."""
    paris = ("paris", "GPE")
    days = (20_000, None, -1, 20_000, 0)
    request = fold(batch(*(outcome("A", {paris: 2}, day=day) for day in days)), "up")
    found = [
        (p.day if p.HasField("day") else None, p.articles, p.entity_tallies[0].mentions)
        for p in request.publications
    ]
    assert found == [(20_000, 2, 4), (None, 1, 2), (-1, 1, 2), (0, 1, 2)]


def test_refusals_keep_their_order_and_make_no_publication() -> None:
    """A batch of refusals alone is a batch."""
    request = fold(batch(refused(0), refused(1)), "up")
    assert [refusal.offset for refusal in request.refusals] == [0, 1]
    assert not request.publications
    assert not request.models


def test_each_model_is_named_once() -> None:
    """During a rollout a batch can hold the work of two models."""
    request = fold(batch(*(outcome("A", {}, model) for model in ("en 2", "en 1", "en 2"))), "up")
    assert list(request.models) == ["en 1", "en 2"]


def test_each_entitys_name_is_sent_once() -> None:
    """The best of the batch, with the first publication that mentions it."""
    merkel, nato = ("angela merkel", "PERSON"), ("nato", "ORG")
    request = fold(
        batch(
            outcome("A", {merkel: 1}, names={merkel: "ANGELA MERKEL"}),
            outcome("B", {merkel: 1, nato: 1}, names={merkel: "Angela Merkel", nato: "NATO"}),
            outcome("A", {nato: 1}),
        ),
        "up",
    )
    names = [[(t.text, t.name) for t in p.entity_tallies] for p in request.publications]
    assert names == [
        [("angela merkel", "Angela Merkel"), ("nato", "NATO")],
        [("angela merkel", ""), ("nato", "")],
    ]


def test_a_name_that_is_too_long_is_not_shown() -> None:
    """It is no reason to lose the article."""
    key = ("nato", "ORG")
    request = fold(batch(outcome("A", {key: 1}, names={key: "N" * 4_097})), "up")
    assert [(t.text, t.name) for t in request.publications[0].entity_tallies] == [("nato", "")]


TEXT = st.text(min_size=1, max_size=300)
COUNTS = st.dictionaries(
    st.tuples(TEXT, st.sampled_from(["GPE", "PERSON", "L" * 64])),
    st.integers(1, CONTENT_BYTES),
    max_size=8,
)
DAYS = st.none() | st.sampled_from([-1, 0, FIRST_DAY, LAST_DAY])
ARTICLES = st.lists(st.tuples(st.sampled_from(["A", "B", "ü" * 2000]), COUNTS, DAYS), min_size=1)
NAMES = st.dictionaries(
    st.tuples(st.sampled_from(["x", "y"]), st.just("GPE")), st.text(max_size=300), max_size=2
)
NAMED = st.lists(st.tuples(st.sampled_from(["A", "B"]), NAMES), min_size=1)


@given(ARTICLES, st.integers(0, 2**62))
def test_the_size_is_an_upper_bound(
    articles: list[tuple[str, Counts, int | None]], first: int
) -> None:
    """What the ledger adds up is never less than what is sent, whatever the days."""
    outcomes = [outcome(name, counts, day=day) for name, counts, day in articles]
    closed = batch(*outcomes, refused(first), first_offset=first)
    assert fold(closed, "u" * 128).ByteSize() <= closed.size_bytes


@given(NAMED)
def test_the_size_bounds_names_too(
    articles: list[tuple[str, dict[tuple[str, str], str]]],
) -> None:
    """Whichever publication carries them."""
    outcomes = [outcome(name, dict.fromkeys(found, 1), names=found) for name, found in articles]
    closed = batch(*outcomes)
    assert fold(closed, "up").ByteSize() <= closed.size_bytes


@given(ARTICLES)
def test_sums_equal_a_recount(articles: list[tuple[str, Counts, int | None]]) -> None:
    """Folding loses nothing and adds nothing, and does the same each time."""
    closed = batch(*(outcome(name, counts, day=day) for name, counts, day in articles))
    request = fold(closed, "up")
    assert request == fold(closed, "up")
    expected: dict[tuple[str, int | None, str, str], list[int]] = {}
    for name, counts, day in articles:
        for (text, label), mentions in counts.items():
            sums = expected.setdefault((name, day, text, label), [0, 0])
            sums[0] += mentions
            sums[1] += 1
    assert expected == {
        (p.publication, p.day if p.HasField("day") else None, t.text, t.label): [
            t.mentions,
            t.articles,
        ]
        for p in request.publications
        for t in p.entity_tallies
    }
    assert sum(p.articles for p in request.publications) == len(articles)


def test_the_largest_outcome_is_known() -> None:
    """A result of 2 MB, made of the smallest entities there are, fits into a message."""
    limit = result_limit_bytes(CONTENT_LIMIT_BYTES)
    names = (chr(i) for i in range(0x10000, 0x100000) if not 0xD800 <= i < 0xE000)
    smallest = (EntityMentions(text=n, label=label, mentions=1) for n in names for label in "ABC")
    message, size = ArticleEntities(), 0
    for entity in smallest:
        size += entity.ByteSize() + 2
        if size > limit:
            break
        message.entities.append(entity)
    article = Task("s", 0, "p" * 512, "", "text", CONTENT_LIMIT_BYTES, LAST_DAY)
    largest = judge(article, Result(entities=message), "m" * 256).outcome
    assert 0.95 * limit < largest.size_bytes <= LARGEST_OUTCOME_BYTES
    closed = batch(largest)
    assert fold(closed, "up").ByteSize() <= closed.size_bytes
