"""What a batch must be to be recorded."""

from collections.abc import Callable

import pytest
from newstally_persister.values.batches import InvalidBatchError, read_batch
from newstally_persister.values.keys import publication_key
from newstally_protos.days import FIRST_DAY, LAST_DAY
from newstally_protos.limits import ENTITY_TEXT_LIMIT_BYTES
from newstally_protos.names import bounded
from newstally_protos.v1 import article_pb2, journal_pb2, tally_pb2
from unit.persister.building import Article, request

Request = journal_pb2.RecordBatchRequest


def good() -> Request:
    """Offsets 5 to 9: three articles of one publication, a refusal at 7."""
    return request(
        "u", 5, [("Post", [("x", "P")]), ("Post", [("x", "P"), ("x", "P")]), None, ("Post", [])]
    )


def test_sums_are_taken_over_the_articles() -> None:
    """A batch knows what it counts, refuses and mentions."""
    batch = read_batch(good())
    assert (batch.counted, len(batch.refusals), batch.mentions) == (3, 1, 3)
    assert batch.tallies == {("post", "x", "P"): (3, 2), ("post", "", ""): (3, 3)}


def test_days_are_part_of_the_sums() -> None:
    """Each day is summed by itself; what has no day is in the sums alone."""
    articles: list[Article] = [
        ("Post", [("x", "P")], 7),
        ("post ", [("x", "P"), ("y", "P")], 7),
        ("Post", [("x", "P")]),
        ("Post", [("y", "P")], -1),
    ]
    batch = read_batch(request("u", 0, articles))
    assert batch.tallies["post", "x", "P"] == (3, 3)
    assert batch.days == {
        7: {("post", "", ""): (3, 2), ("post", "x", "P"): (2, 2), ("post", "y", "P"): (1, 1)},
        -1: {("post", "", ""): (1, 1), ("post", "y", "P"): (1, 1)},
    }
    assert batch.rows == 3 + 2


@pytest.mark.parametrize("day", [FIRST_DAY - 1, LAST_DAY + 1])
def test_a_day_is_one_of_the_years_1_to_9999(day: int) -> None:
    """Anything else is a bug of the caller."""
    wrong = good()
    wrong.publications[0].day = day
    with pytest.raises(InvalidBatchError, match="day"):
        read_batch(wrong)


def test_spellings_of_a_publication_are_merged() -> None:
    """Mentions and articles of two spellings add up; the first spelling is the name."""
    batch = read_batch(
        request("u", 0, [("The  Times ", [("x", "P")]), ("the times", [("x", "P")])])
    )
    assert batch.names == {"the times": "The  Times"}
    assert batch.tallies == {("the times", "x", "P"): (2, 2), ("the times", "", ""): (2, 2)}


@pytest.mark.parametrize(
    ("name", "key", "shown"),
    [
        ("\u200b", "(unnamed)", "(unnamed)"),
        (" a\x1b[2J\u202e\nB ", "a[2j b", "a[2J B"),
        ("Cafe\u0301", "café", "Cafe\u0301"),
    ],
)
def test_what_an_older_gateway_admitted_is_recorded(name: str, key: str, shown: str) -> None:
    """Names that today's gateway refuses are cleaned: rejected, the upload would never go on."""
    batch = read_batch(request("u", 0, [(name, [("x", "P")])]))
    assert batch.names == {key: shown}
    assert batch.tallies == {(key, "x", "P"): (1, 1), (key, "", ""): (1, 1)}


def test_long_names_are_bounded_and_stay_apart() -> None:
    """Of 4,096 bytes as 0.2.0 took them, and of any number that a letter stands for."""
    names = ["ä" * 2_048, "ä" * 2_047 + "o", "\ufdfa" * 160]
    batch = read_batch(request("u", 0, [(name, [("x", "P")]) for name in names]))
    assert len(batch.names) == 3
    assert all(len(text.encode()) <= 512 for item in batch.names.items() for text in item)
    assert all(publication_key(name) == key for key, name in batch.names.items())


def test_entities_over_the_bound_are_bounded_and_stay_apart() -> None:
    """An entity of 4,096 bytes is taken as it is; one that is longer keeps its beginning."""
    fits = ("ä" * 2_048, "P" * 64)
    long = [("ä" * 2_048 + end, "P" * 64 + end) for end in "xy"]
    batch = read_batch(request("u", 0, [("Post", [fits, *long])]))
    keys = [(text, label) for _, text, label in batch.tallies if text]
    assert fits in keys
    assert len(keys) == 3
    assert all(len(t.encode()) <= 4_096 and len(label) <= 64 for t, label in keys)


def test_an_entity_that_is_what_a_bounded_one_becomes_adds_up() -> None:
    """Two texts of one publication become one row: nothing of them is lost, or refused."""
    long = "x" * (ENTITY_TEXT_LIMIT_BYTES + 1)
    short = bounded(long, ENTITY_TEXT_LIMIT_BYTES)
    batch = read_batch(request("u", 0, [("Post", [(long, "P"), (short, "P"), (short, "P")])]))
    assert batch.tallies == {("post", short, "P"): (3, 2), ("post", "", ""): (3, 1)}


def test_models_are_cut() -> None:
    """Whatever replicas say they are, the upload goes on."""
    sent = good()
    sent.models.extend(f"{n:03}" for n in range(150))
    assert read_batch(sent).models == tuple(f"{n:03}" for n in range(100))


def test_refusals_are_cut_not_refused() -> None:
    """A message that is too long loses its end at a character, and the upload goes on."""
    sent = request("u", 0, [None])
    sent.refusals[0].message = "ä" * 200
    sent.refusals[0].article_id = "x" * 300
    (refusal,) = read_batch(sent).refusals
    assert refusal.message == "ä" * 128
    assert refusal.article_id == "x" * 256


def test_an_unknown_reason_is_kept() -> None:
    """A newer gateway's reason is recorded as it is."""
    sent = request("u", 0, [None])
    sent.refusals[0].reason = 77  # type: ignore[assignment]
    assert read_batch(sent).refusals[0].reason == 77


def _entity(sent: Request) -> tally_pb2.EntityTally:
    return sent.publications[0].entity_tallies[0]


BROKEN: dict[str, tuple[str, Callable[[Request], object]]] = {
    "empty range": ("end_offset", lambda r: setattr(r, "end_offset", 5)),
    "negative offset": ("end_offset", lambda r: setattr(r, "first_offset", -1)),
    "offset beyond all": ("end_offset", lambda r: setattr(r, "end_offset", 2**60)),
    "an article too many": ("publications", lambda r: setattr(r.publications[0], "articles", 4)),
    "an article too few": ("publications", lambda r: setattr(r, "end_offset", 10)),
    "a refusal too many": (
        "publications",
        lambda r: r.refusals.add(offset=8, reason=article_pb2.REFUSAL_REASON_POISON),
    ),
    "refusal before the range": ("refusals", lambda r: setattr(r.refusals[0], "offset", 4)),
    "refusal after the range": ("refusals", lambda r: setattr(r.refusals[0], "offset", 9)),
    "refusal twice": ("refusals", lambda r: r.refusals.add(offset=7)),
    "refusals descending": ("refusals", lambda r: r.refusals.add(offset=6)),
    "publication without articles": (
        "publications.articles",
        lambda r: r.publications.add(publication="Times", articles=0),
    ),
    "negative articles": (
        "publications.articles",
        lambda r: r.publications.add(publication="Times", articles=-1),
    ),
    "entity without text": (
        "publications.entity_tallies",
        lambda r: setattr(_entity(r), "text", ""),
    ),
    "entity without label": (
        "publications.entity_tallies",
        lambda r: setattr(_entity(r), "label", ""),
    ),
    "entity without articles": (
        "publications.entity_tallies",
        lambda r: setattr(_entity(r), "articles", 0),
    ),
    "entity in more articles than there are": (
        "publications.entity_tallies",
        lambda r: _entity(r).MergeFrom(tally_pb2.EntityTally(articles=4, mentions=9)),
    ),
    "fewer mentions than articles": (
        "publications.entity_tallies",
        lambda r: setattr(_entity(r), "mentions", 1),
    ),
    "entity twice": (
        "publications.entity_tallies",
        lambda r: r.publications[0].entity_tallies.append(_entity(r)),
    ),
    "entity twice under another spelling of its publication": (
        "publications.entity_tallies",
        lambda r: r.publications.add(publication="post ", articles=1).entity_tallies.extend(
            [tally_pb2.EntityTally(text="x", label="P", mentions=1, articles=1)] * 2
        ),
    ),
    "more mentions than sums can hold": (
        "publications",
        lambda r: setattr(_entity(r), "mentions", 2**62),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_contradiction_is_refused_whole(case: str) -> None:
    """A batch that contradicts itself is refused, and the error names the field."""
    field, break_it = BROKEN[case]
    sent = good()
    read_batch(sent)
    break_it(sent)
    with pytest.raises(InvalidBatchError) as caught:
        read_batch(sent)
    assert caught.value.field == field
