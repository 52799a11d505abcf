"""The seam between the service and what finds entities."""

from collections.abc import Sequence

import pytest
from newstally_extractor.engines import make_engine
from newstally_extractor.engines.engine import BrokenError, Outcome, SettingError, extract_each
from newstally_extractor.settings import ExtractorSettings, describe
from newstally_runtime.settings import load


def fragile(texts: Sequence[str]) -> Sequence[Outcome]:
    """Fails as a whole if any text is bad."""
    if "bad" in texts:
        raise KeyError("bad")
    return [{(text, "ORG"): 1} for text in texts]


def forgetful(texts: Sequence[str]) -> Sequence[Outcome]:
    """Answers one text too few, unless there is one."""
    return fragile(texts[:-1] or texts)


def trusting(error: Exception) -> None:
    """Blame the article for the error."""


def test_batch_in_one_go() -> None:
    """A batch that works is one call of the engine."""
    assert extract_each(fragile, ["a", "b"], trusting) == [{("a", "ORG"): 1}, {("b", "ORG"): 1}]


def test_only_the_bad_article_fails() -> None:
    """When a batch fails as a whole, the articles at its sides are answered all the same."""
    first, bad, last = extract_each(fragile, ["a", "bad", "b"], trusting)
    assert (first, last) == ({("a", "ORG"): 1}, {("b", "ORG"): 1})
    assert isinstance(bad, KeyError)


def test_answers_are_never_attributed_to_the_wrong_article() -> None:
    """An engine that answers too few articles is asked again, one by one."""
    assert extract_each(forgetful, ["a", "b"], trusting) == [{("a", "ORG"): 1}, {("b", "ORG"): 1}]


@pytest.mark.parametrize("returned", [True, False])
def test_an_article_is_blamed_only_after_doubt(returned: bool) -> None:
    """Errors are doubted before they are answers, however the engine gives them."""

    def refusing(texts: Sequence[str]) -> Sequence[Outcome]:
        return [KeyError("bad") for _ in texts] if returned else fragile(["bad"])

    def doubt(error: Exception) -> None:
        raise BrokenError(type(error).__name__)

    with pytest.raises(BrokenError, match="KeyError"):
        extract_each(refusing, ["a", "b"], doubt)


@pytest.mark.parametrize("returned", [True, False])
@pytest.mark.parametrize("error", [MemoryError(), FileNotFoundError("secret")])
def test_lack_of_memory_or_files_is_no_articles_fault(error: Exception, returned: bool) -> None:
    """MemoryError and OSError break the replica at once: nothing is tried again."""
    calls = 0

    def failing(texts: Sequence[str]) -> Sequence[Outcome]:
        nonlocal calls
        calls += 1
        if returned:
            return [error for _ in texts]
        raise error

    with pytest.raises(BrokenError, match=type(error).__name__) as caught:
        extract_each(failing, ["a", "b"], trusting)
    assert "secret" not in str(caught.value)
    assert calls == 1


@pytest.mark.parametrize("engine", ["no.such:factory", "json:nothing", "support.engines:label_of"])
def test_wrong_engine(engine: str) -> None:
    """An engine that cannot be made is a wrong setting, and says which."""
    with pytest.raises(SettingError) as caught:
        make_engine(load(ExtractorSettings, ["--engine", engine]))
    assert caught.value.setting == "engine"
    assert engine in caught.value.message


def test_wrong_model() -> None:
    """A model that is not installed is a wrong setting; the message says what to do."""
    with pytest.raises(SettingError) as caught:
        make_engine(load(ExtractorSettings, ["--model", "no_such_model"]))
    assert caught.value.setting == "model"
    assert "pip install" in caught.value.message
    assert "\n" not in caught.value.message


def test_settings_are_named_as_people_give_them() -> None:
    """A wrong setting is named with its flag and its variable."""
    assert describe("hard_limit") == "--hard-limit (NEWSTALLY_EXTRACTOR_HARD_LIMIT)"


def test_excluded_labels() -> None:
    """Labels may be given with commas or spaces; by default amounts and dates are left out."""
    settings = load(ExtractorSettings, ["--exclude-labels", "PERSON, ORG,GPE DATE"])
    assert settings.excluded_labels == {"PERSON", "ORG", "GPE", "DATE"}
    assert load(ExtractorSettings, ["--exclude-labels", ""]).excluded_labels == frozenset()
    assert {"MONEY", "DATE", "TIME"} < load(ExtractorSettings, []).excluded_labels
