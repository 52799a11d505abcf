import pytest
from newstally_gateway.core.outcomes import (
    Counted,
    Judged,
    Refused,
    judge,
    refuse_flawed,
    refuse_poisoned,
)
from newstally_gateway.core.tasks import Poisoned
from newstally_gateway.core.validation import Flaw
from newstally_protos.v1.article_pb2 import RefusalReason
from newstally_protos.v1.extractor_pb2 import (
    ArticleEntities,
    EntityMentions,
    Failure,
    FailureReason,
    Result,
)
from unit.gateway.core.builders import entities, task

TASK = task("s", 7, size=100)


def judge_entities(message: ArticleEntities) -> Judged:
    return judge(TASK, Result(id=1, entities=message), "en 1")


def reason_of(judged: Judged) -> str:
    assert isinstance(judged.outcome, Refused)
    assert judged.outcome.refusal.offset == 7
    assert judged.outcome.refusal.article_id == "s-7"
    return RefusalReason.Name(judged.outcome.refusal.reason)


def test_entities_are_counted_as_they_came() -> None:
    """A good result keeps its entities, the article's publication and the model."""
    message = entities({("paris", "GPE"): 2, ("paris", "PERSON"): 1})
    judged = judge_entities(message)
    assert judged.defect is None
    assert isinstance(judged.outcome, Counted)
    assert (judged.outcome.publication, judged.outcome.model) == ("The Times", "en 1")
    assert ArticleEntities.FromString(judged.outcome.entities) == message


def test_an_article_without_entities_is_counted() -> None:
    """No entity is a result like any other."""
    assert isinstance(judge_entities(ArticleEntities()).outcome, Counted)


@pytest.mark.parametrize(
    "message",
    [
        entities({("", "GPE"): 1}),
        entities({("paris", ""): 1}),
        entities({("paris", "GPE"): 0}),
        entities({("paris", "GPE"): -3}),
        entities({("paris", "GPE"): TASK.size_bytes + 1}),
        entities({("paris", "GPE"): 2**31 - 1}),
        entities({("x" * 4097, "GPE"): 1}),
        entities({("é" * 2049, "GPE"): 1}),
        entities({("paris", "L" * 65): 1}),
        ArticleEntities(entities=[EntityMentions(text="a", label="B", mentions=1)] * 2),
    ],
)
def test_entities_that_break_the_protocol_refuse_the_article(message: ArticleEntities) -> None:
    """A broken replica costs one article, never the batch, and the shell can log it."""
    judged = judge_entities(message)
    assert judged.defect
    assert reason_of(judged) == "REFUSAL_REASON_EXTRACTION_FAILED"


def test_limits_of_entities_are_inclusive() -> None:
    """A text of 4,096 bytes, a label of 64, and a mention in every byte are counted."""
    message = entities({("é" * 2048, "L" * 64): TASK.size_bytes})
    assert isinstance(judge_entities(message).outcome, Counted)


def test_a_result_over_its_bound_is_refused() -> None:
    """Nothing larger than what the article was charged for is kept."""
    message = entities({(f"{i:04000d}", "GPE"): 1 for i in range(3)})
    judged = judge_entities(message)
    assert judged.defect
    assert reason_of(judged) == "REFUSAL_REASON_RESULT_TOO_LARGE"


def test_a_result_without_an_outcome_refuses_the_article() -> None:
    """It was answered, so it has to be settled."""
    judged = judge(TASK, Result(id=1), "en 1")
    assert judged.defect
    assert reason_of(judged) == "REFUSAL_REASON_EXTRACTION_FAILED"


@pytest.mark.parametrize("name", ["EXTRACTION_FAILED", "CONTENT_TOO_LONG", "RESULT_TOO_LARGE"])
def test_a_failure_keeps_its_reason(name: str) -> None:
    """What the replica says is wrong with an article is what the client hears."""
    failure = Failure(reason=FailureReason.Value(f"FAILURE_REASON_{name}"), message="why")
    judged = judge(TASK, Result(id=1, failure=failure), "en 1")
    assert judged.defect is None
    assert reason_of(judged) == f"REFUSAL_REASON_{name}"


def test_an_unknown_failure_is_an_extraction_that_failed() -> None:
    """A newer replica may have reasons that this gateway does not know."""
    failure = Failure(reason=FailureReason.ValueType(99))
    assert reason_of(judge(TASK, Result(failure=failure), "en 1")) == (
        "REFUSAL_REASON_EXTRACTION_FAILED"
    )


def test_long_texts_of_a_refusal_are_cut_between_characters() -> None:
    """article_id and message are at most 256 bytes of valid UTF-8."""
    flaw = Flaw(RefusalReason.REFUSAL_REASON_CONTENT_EMPTY, "€" * 100)
    refusal = refuse_flawed(0, "x" + "é" * 200, flaw).refusal
    assert refusal.message == "€" * 85
    assert refusal.article_id == "x" + "é" * 127


def test_a_poisoned_article_is_refused_by_that_reason() -> None:
    """The client hears which article killed replicas."""
    refused = refuse_poisoned(Poisoned(TASK))
    assert reason_of(Judged(refused, None)) == "REFUSAL_REASON_POISON"


def test_a_long_model_is_cut() -> None:
    """A replica's name for itself cannot make a batch too large."""
    outcome = judge(TASK, Result(entities=ArticleEntities()), "m" * 5000).outcome
    assert isinstance(outcome, Counted)
    assert outcome.model == "m" * 256
