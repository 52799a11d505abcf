"""What is no name, though a pipeline found it."""

import pytest

from .marked import keys


@pytest.mark.parametrize(
    "text",
    [
        "twitter instagram facebook contact",
        "Facebook Twitter",
        "https://example.org/a",
        "www.example.org",
        "press@example.org",
        "range(num_steps=[n]",
        "scheme.• Building",
        "Department of Education Department of Energy Department of Justice",
        "one two three four five six seven eight nine ten eleven twelve thirteen",
    ],
)
def test_debris(text: str) -> None:
    """It is counted nowhere; the names around it are."""
    marked = f"[Oslo|GPE]; [{text}|ORG]; [Bergen|GPE]".replace("[n]", "{n}")
    assert keys(marked) == ["oslo", None, "bergen"]


@pytest.mark.parametrize(
    "text",
    [
        "Twitter",
        "Contact Energy",
        "Department of Health and Human Services",
        "University of California, Berkeley",
        "National Center for Complementary and Integrative Health",
        "Data.gov",
        "C#",
        "@nasa",
    ],
)
def test_no_debris(text: str) -> None:
    """Names that look like it."""
    assert None not in keys(f"[{text}|ORG]")


def test_a_persons_name_is_short() -> None:
    """A list of people is nobody."""
    assert keys("[Ann Lee Tom Hill Kate Roe Max Poe|PERSON]") == [None]
