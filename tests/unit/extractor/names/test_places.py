"""What names the same place in an article, and what is left as it is."""

import pytest

from .marked import keys


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        pytest.param(
            "[Washington, D.C.|GPE] ... [Washington|GPE]",
            ["washington, d.c"] * 2,
            id="a capital",
        ),
        pytest.param(
            "[New York City|GPE] ... [New York|GPE]", ["new york city"] * 2, id="shortened"
        ),
        pytest.param(
            "[New York|GPE] ... [New York City|GPE]",
            ["new york", "new york city"],
            id="not shortened: named before",
        ),
        pytest.param(
            "[Mexico City|GPE] in [Mexico|GPE]", ["mexico city", "mexico"], id="another place"
        ),
        pytest.param(
            "[Oklahoma City|GPE], [Oklahoma|GPE]", ["oklahoma city", "oklahoma"], id="its state"
        ),
        pytest.param(
            "[Hudson River|LOC], [Hudson|GPE]", ["hudson river", "hudson"], id="a river and a town"
        ),
        pytest.param(
            "[Rio Grande River|LOC], [Rio Grande|LOC]", ["rio grande river"] * 2, id="a river"
        ),
        pytest.param(
            "[Kingdom of Tonga|GPE] ... [Tonga|GPE]", ["kingdom of tonga"] * 2, id="a state's form"
        ),
        pytest.param("[Mola di Bari|GPE] ... [Mola|GPE]", ["mola di bari"] * 2, id="a link"),
        pytest.param(
            "[New Mexico|GPE] and [Mexico|GPE]", ["new mexico", "mexico"], id="another beginning"
        ),
        pytest.param("[U.S.|GPE] and [US|GPE]", ["u.s"] * 2, id="full stops"),
        pytest.param("[Durán|GPE], [Duran|GPE]", ["durán"] * 2, id="diacritics"),
        pytest.param(
            "[Cobh|GPE] (also known as [Queenstown|GPE])", ["cobh"] * 2, id="the text says so"
        ),
        pytest.param(
            "[Russian Empire|GPE] (now [Belarus|GPE])",
            ["russian empire", "belarus"],
            id="what became of it",
        ),
        pytest.param("[Paris|GPE] ([Texas|GPE])", ["paris", "texas"], id="where it is"),
    ],
)
def test_one_place(marked: str, expected: list[str]) -> None:
    """Each mention's key."""
    assert keys(marked) == expected
