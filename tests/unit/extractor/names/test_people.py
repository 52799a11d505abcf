"""What names the same person in an article, and what is left as it is."""

import pytest

from .marked import keys


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        pytest.param(
            "[Angela Merkel|PERSON] and [Merkel|PERSON] and [Merkel|PERSON]'s",
            ["angela merkel"] * 3,
            id="a last name",
        ),
        pytest.param(
            "[Merkel|PERSON] won. [Angela Merkel|PERSON] is glad.",
            ["angela merkel"] * 2,
            id="a last name before the full one",
        ),
        pytest.param(
            "[Greg Wilson|PERSON] and [Greg|PERSON]",
            ["greg wilson"] * 2,
            id="a first name",
        ),
        pytest.param(
            "[Ann Lee|PERSON], [Lee|PERSON] and [Ann|PERSON]",
            ["ann lee", "ann lee", "ann"],
            id="no first name of who is called by the last",
        ),
        pytest.param(
            "[Bill Clinton|PERSON] and [Hillary Clinton|PERSON]: [Clinton|PERSON]",
            ["bill clinton", "hillary clinton", "clinton"],
            id="two of one last name",
        ),
        pytest.param(
            "[Ross Alger|PERSON]. [Alger|PERSON] has a son, [Harry Alger|PERSON].",
            ["ross alger", "ross alger", "harry alger"],
            id="two of one last name, the other one later",
        ),
        pytest.param(
            "[John A. Smith|PERSON], [John Smith|PERSON], [J. A. Smith|PERSON]",
            ["john a. smith"] * 3,
            id="initials",
        ),
        pytest.param(
            "[John Smith|PERSON], [James Smith|PERSON], [J. Smith|PERSON]",
            ["john smith", "james smith", "j. smith"],
            id="an initial of two",
        ),
        pytest.param(
            "[William Henry Gates|PERSON] or [Bill Gates|PERSON], [Bill Gates|PERSON]",
            ["bill gates"] * 3,
            id="a short form, and the name that is used most",
        ),
        pytest.param(
            "[President Obama|PERSON] and [Mr. Obama|PERSON] and [Barack Obama|PERSON]",
            ["barack obama"] * 3,
            id="titles",
        ),
        pytest.param("[Senator Obama|PERSON]", ["obama"], id="an office alone"),
        pytest.param(
            "[Pope Benedict|PERSON] and [Benedict|PERSON]",
            ["pope benedict"] * 2,
            id="a rank belongs to the name",
        ),
        pytest.param(
            "[Paul Martin Jr.|PERSON] and [Paul Martin Sr.|PERSON]",
            ["paul martin jr", "paul martin sr"],
            id="generations",
        ),
        pytest.param(
            "[Carol I|PERSON], [Carol II|PERSON]", ["carol i", "carol ii"], id="a dynasty"
        ),
        pytest.param(
            "[Zack de la Rocha|PERSON], [de la Rocha|PERSON]",
            ["zack de la rocha"] * 2,
            id="a last name of several words",
        ),
        pytest.param(
            "[José García|PERSON] and [Garcia|PERSON]", ["josé garcía"] * 2, id="diacritics"
        ),
        pytest.param(
            "[Zevs|PERSON] (born [Christophe Schwarz|PERSON])",
            ["christophe schwarz"] * 2,
            id="the text says so",
        ),
        pytest.param(
            "[Ann Lee|PERSON], a reporter called [Tom Hill|PERSON]",
            ["ann lee", "tom hill"],
            id="the text says it of somebody else",
        ),
        pytest.param(
            "[Carrie Bradshaw|PERSON] ([Sarah Parker|PERSON])",
            ["carrie bradshaw", "sarah parker"],
            id="a bracket says nothing of people",
        ),
    ],
)
def test_one_person(marked: str, expected: list[str]) -> None:
    """Each mention's key."""
    assert keys(marked) == expected
