"""From outcomes to messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_extractor.core.answers import answer, content_too_long, pack
from newstally_extractor.counting.entities import Counts, NamedCounts
from newstally_protos.limits import result_limit_bytes
from newstally_protos.v1 import extractor_pb2 as pb


def test_entities() -> None:
    """Counts become entities, each once."""
    result = answer(7, 100, {("paris", "GPE"): 2})
    assert result == pb.Result(
        id=7,
        entities=pb.ArticleEntities(
            entities=[pb.EntityMentions(text="paris", label="GPE", mentions=2)]
        ),
    )


def test_names() -> None:
    """What readers write goes along where the counts know it."""
    counts = NamedCounts()
    counts.update({("nato", "ORG"): 1, ("42", "MISC"): 1})
    counts.names["nato", "ORG"] = "NATO"
    found = answer(7, 100, counts).entities.entities
    assert [(entity.text, entity.name) for entity in found] == [("nato", "NATO"), ("42", "")]


def test_long_labels() -> None:
    """They are bounded, and stay apart; names are found all the same."""
    counts = NamedCounts()
    counts.update({("nato", "L" * size): 1 for size in (64, 65, 66)} | {("nato", "Ö" * 40): 1})
    counts.names["nato", "L" * 65] = "NATO"
    found = answer(7, 1_000, counts).entities.entities
    assert len({entity.label for entity in found}) == 4
    assert all(len(entity.label.encode()) <= 64 for entity in found)
    assert [entity.name for entity in found] == ["", "NATO", "", ""]
    assert found[0].label == "L" * 64


def test_no_entities_are_an_answer() -> None:
    """An article without entities is answered with an empty list, not with nothing."""
    assert answer(7, 100, {}).WhichOneof("outcome") == "entities"


def test_errors_do_not_tell_the_content() -> None:
    """A failure names the type of the error; its text may hold content and stays here."""
    result = answer(7, 100, ValueError("secret content"))
    assert result.failure.reason == pb.FAILURE_REASON_EXTRACTION_FAILED
    assert "ValueError" in result.failure.message
    assert "secret" not in result.failure.message


@pytest.mark.parametrize("counts", [{("\ud800", "GPE"): 1}, {("x", "GPE"): 2**40}, {(1, "GPE"): 1}])
def test_what_cannot_be_written_is_a_failure(counts: Counts) -> None:
    """An outcome that no message can hold fails its article and nothing else."""
    assert answer(7, 100, counts).failure.reason == pb.FAILURE_REASON_EXTRACTION_FAILED


@given(st.integers(0, 300))
def test_result_bound(over: int) -> None:
    """The bound is on the serialised entities: at most twice the content plus 8 KiB."""
    counts = {(f"{number:0200}", "ORG"): 1 for number in range(39)} | {("x" * over, "ORG"): 1}
    result = answer(7, 100, counts)
    written = pb.ArticleEntities(
        entities=[pb.EntityMentions(text=t, label=n, mentions=m) for (t, n), m in counts.items()]
    )
    if len(written.SerializeToString()) <= result_limit_bytes(100):
        assert result.entities == written
    else:
        assert result.failure.reason == pb.FAILURE_REASON_RESULT_TOO_LARGE


def test_long_messages_are_cut() -> None:
    """Failure messages stay within the protocol's 256 bytes."""
    error = type("Ä" * 300, (Exception,), {})()
    assert 250 < len(answer(7, 100, error).failure.message.encode()) <= 256


def test_content_too_long_names_both_sizes() -> None:
    """The failure says how long the content is and what the limit is."""
    failure = content_too_long(7, 101, 100).failure
    assert failure.reason == pb.FAILURE_REASON_CONTENT_TOO_LONG
    assert "101" in failure.message
    assert "100" in failure.message


@given(st.lists(st.integers(0, 2_000), max_size=40), st.integers(1_000, 5_000))
def test_pack(sizes: list[int], limit: int) -> None:
    """Messages hold every result once, in order, and stay within the limit if they can."""
    results = [answer(n, 9_999, {("x" * size, "ORG"): 1}) for n, size in enumerate(sizes)]
    groups = list(pack(results, limit))
    assert [result for group in groups for result in group] == results
    for group in groups:
        response = pb.ExtractResponse(results=pb.Results(results=group))
        assert len(group) == 1 or response.ByteSize() <= limit
