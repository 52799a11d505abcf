"""An article of very many names takes no quadratic time."""

from itertools import product
from string import ascii_lowercase

import pytest
from newstally_extractor.names.rules import organisations, people

from .marked import keys


class Counted:
    """A function, and how often it is called."""

    def __init__(self, function: object) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *arguments: object) -> object:
        self.calls += 1
        return self.function(*arguments)  # type: ignore[operator]


def test_many_people_of_one_last_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are few each short name finds its long one; where many, nobody can tell."""
    fits = Counted(people._fits)
    monkeypatch.setattr(people, "_fits", fits)
    words = ["".join(letters) for letters in product("bcdfg", "aeiou", "klmnp", "aeiou")]
    some, all_ = words[:50], words[:600]
    for firsts, joined in ((some, True), (all_, False)):
        names = [f"{first.title()} Q Smith" for first in firsts]
        shorts = [f"{first.title()} Smith" for first in firsts]
        fits.calls = 0
        found = keys(" ... ".join(f"[{name}|PERSON]" for name in [*names, *shorts]))
        assert (found[: len(names)] == found[len(names) :]) is joined
        assert fits.calls <= people._MOST_BEARERS**2


def test_many_abbreviations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finds its name without looking at all of them."""
    spells = Counted(organisations._spells)
    monkeypatch.setattr(organisations, "_spells", spells)
    letters = list(product(ascii_lowercase[:8], repeat=3))
    names = [" ".join(f"{each}xyz{place}" for place, each in enumerate(three)) for three in letters]
    short = [f"{one}X{two}{three}".upper() for one, two, three in letters]
    marked = " ... ".join(f"[{name}|ORG]" for name in [*map(str.title, names), *short])
    found = keys(marked)
    assert found[: len(names)] == found[len(names) :]
    assert spells.calls <= 4 * len(names)
