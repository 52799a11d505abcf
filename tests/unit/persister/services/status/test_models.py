"""What is told where tallies are counted in several ways."""

from newstally_persister.services.status.models import Models
from newstally_persister.values.batches import MODELS_LIMIT
from structlog.testing import capture_logs


def test_a_line_when_there_are_several_and_for_each_that_comes_later() -> None:
    """One way is as it should be, and what was told is not told again."""
    models = Models()
    with capture_logs() as logs:
        for told in (["a"], ["a"], ["a", "b"], ["b"], ["c"]):
            models.note(told)
    assert [line["models"] for line in logs] == [["a", "b"], ["a", "b", "c"]]


def test_however_many_come_a_few_are_kept() -> None:
    """As many as the journal keeps: each is told in every status, and in every such line."""
    models = Models()
    with capture_logs() as logs:
        for number in range(MODELS_LIMIT + 50):
            models.note([f"m{number:04}"])
    assert len(models.known) == MODELS_LIMIT
    assert len(logs) == MODELS_LIMIT - 1
    models.note(["m0000", *(f"n{number}" for number in range(50))])
    assert list(models.known) == [f"m{number:04}" for number in range(MODELS_LIMIT)]
