"""What a batch must be to be recorded."""

from collections.abc import Callable

import pytest
from newstally_persister.values.batches import InvalidBatchError, read_batch
from newstally_protos.v1 import article_pb2, journal_pb2, tally_pb2
from unit.persister.building import request

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


def test_spellings_of_a_publication_are_merged() -> None:
    """Mentions and articles of two spellings add up; the first spelling is the name."""
    batch = read_batch(
        request("u", 0, [("The  Times ", [("x", "P")]), ("the times", [("x", "P")])])
    )
    assert batch.names == {"the times": "The  Times"}
    assert batch.tallies == {("the times", "x", "P"): (2, 2), ("the times", "", ""): (2, 2)}


def test_an_articles_text_limit_is_in_bytes() -> None:
    """An entity of 4,096 bytes is taken, one of 4,097 is not."""
    read_batch(request("u", 0, [("Post", [("ä" * 2_048, "P" * 64)])]))
    for text, label in (("ä" * 2_048 + "x", "P"), ("x", "P" * 65)):
        with pytest.raises(InvalidBatchError, match="bytes"):
            read_batch(request("u", 0, [("Post", [(text, label)])]))


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
    "blank publication": (
        "publications.publication",
        lambda r: setattr(r.publications[0], "publication", " \u00a0\t"),
    ),
    "publication too long": (
        "publications.publication",
        lambda r: setattr(r.publications[0], "publication", "x" * 4_097),
    ),
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
    "more mentions than sums can hold": (
        "publications",
        lambda r: setattr(_entity(r), "mentions", 2**62),
    ),
    "too many models": ("models", lambda r: r.models.extend(map(str, range(101)))),
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
