"""What an article's mentions are counted under: labels, the table, and what decides."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_extractor.counting.normalising import normalise
from newstally_extractor.names.aliases import Aliases, load_aliases
from newstally_extractor.names.counting import CountsNames, CountsTexts
from newstally_extractor.names.finding import Mention
from newstally_extractor.names.naming import Namer

from .marked import keys, names, read

STATES = {
    ("u.s", "GPE"): "United States",
    ("america", "GPE"): "United States",
    ("america", "ORG"): "America First",
    ("u.s. patent and trademark office", "ORG"): "USPTO",
    ("jordan", "GPE"): "Jordan",
    ("ux", "MISC"): "-",
    ("indians", "NORP"): "Indian",
    ("excel", "PRODUCT"): "Excel",
    ("obama", "PERSON"): "Barack Obama",
}


def test_one_label_for_one_text() -> None:
    """The label of most mentions; of as many, the first one's."""
    found = names("[Labour|ORG], [Labour|GPE], [Labour|ORG]; [Ford|PERSON], [ford|ORG]")
    assert [name and name[1] for name in found] == ["ORG"] * 3 + ["PERSON"] * 2


def test_the_table_comes_after_the_article() -> None:
    """What the article joins is looked up as a whole, and shown as the table writes it."""
    found = names("[US|GPE] and [U.S.|GPE] and [America|GPE]", STATES)
    assert found == [("united states", "GPE", "United States")] * 3


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[U.S.|ORG]", "united states"),
        ("[U.S.|PERSON]", "u.s"),
        ("[America|EVENT]", "america"),
        ("[Jordan|PERSON]", "jordan"),
        ("[United States|PERSON]", "united states"),
        ("[Indians|NORP]", "indian"),
        ("[Indian|GPE]", "indian"),
        ("[Indians|ORG]", "indians"),
        ("[Excel|PERSON]", "excel"),
        ("[Obama|PERSON]", "barack obama"),
        ("[Obama|GPE]", "obama"),
        ("[Barack Obama|ORG]", "barack obama"),
        ("[Michelle Obama|PERSON]", "michelle obama"),
    ],
)
def test_rows_and_other_labels(marked: str, expected: str) -> None:
    """A row is for any label where its key has one meaning; what lone names may be, it is not."""
    assert keys(marked, STATES) == [expected]


def test_a_name_found_in_two() -> None:
    """The halves of a name that the table has are one mention."""
    marked = "the [U.S. Patent|ORG] and [Trademark Office|ORG] or the [U.S. Patent|ORG] alone"
    assert keys(marked, STATES) == ["uspto", None, "uspto"]


def test_what_the_table_calls_no_name() -> None:
    """Whatever its label, but for titles of works. A name that it abbreviates is one."""
    assert keys("[UX|ORG], [UX|PERSON] in [Oslo|GPE]", STATES) == [None, None, "oslo"]
    assert keys("[UX|WORK_OF_ART]", STATES) == ["ux"]
    assert keys("[Uniform Xylophones|ORG], [UX|ORG]", STATES) == ["uniform xylophones"] * 2


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[THE NATO|ORG] and [NATO|ORG]'s", "NATO"),
        ("[IPHONE|MISC], [iPhone|MISC]", "iPhone"),
        ("[ANGELA MERKEL|PERSON], [Angela Merkel|PERSON], [Merkel|PERSON]", "Angela Merkel"),
        ("[President Barack Obama|PERSON]", "Barack Obama"),
        ("the [United  Nations|ORG]\u2019s", "United Nations"),
    ],
)
def test_as_it_is_written(marked: str, expected: str) -> None:
    """The spelling of the name that it is counted under."""
    assert {name[2] for name in names(marked) if name} == {expected}


PROSE = (
    "Angela Merkel John A. Smith Ford Motor Company of the and U.S. US UN (WHO) World Health "
    "Organization New York City Jr. II Mr. \u0130zmir Jos\u00e9's \ufb01 \u201cx\u201d 's ,"
)
WORDS = st.sampled_from(PROSE.split())
TEXTS = st.lists(WORDS, min_size=1, max_size=5).map(" ".join) | st.text(min_size=1, max_size=12)
LABELS = st.sampled_from(["PERSON", "ORG", "GPE", "LOC", "MISC", "DATE", "NORP"])
GAPS = st.sampled_from(
    [" ", " (", ") ", ", ", " and ", ". ", " (also known as ", ", formerly ", ""]
)


@st.composite
def articles(draw: st.DrawFn) -> tuple[str, list[Mention]]:
    """A text and the mentions in it."""
    text = ""
    mentions: list[Mention] = []
    for written, label, gap in draw(st.lists(st.tuples(TEXTS, LABELS, GAPS), max_size=12)):
        text += gap
        mentions.append((len(text), len(text) + len(written), label))
        text += written
    return text + draw(GAPS), mentions


NAMER = Namer(load_aliases())


@given(articles())
def test_each_name_is_its_own_key(article: tuple[str, list[Mention]]) -> None:
    """A name's key is its spelling, normalised, so that counting the spelling gives the same."""
    text, mentions = article
    found = NAMER.names(text, mentions)
    assert len(found) == len(mentions)
    for name in found:
        if name is not None:
            key, label, spelling = name
            assert key
            assert label
            assert normalise(spelling) == key == normalise(key)


@given(st.lists(articles(), max_size=4), st.randoms(use_true_random=False))
def test_names_are_the_articles_own(batch: list[tuple[str, list[Mention]]], random: Random) -> None:
    """Neither the articles beside it nor those before it change an article's names."""
    alone = [Namer(load_aliases()).names(*article) for article in batch]
    order = list(range(len(batch)))
    random.shuffle(order)
    for place in order:
        assert NAMER.names(*batch[place]) == alone[place]


@given(articles())
def test_every_mention_is_counted_once(article: tuple[str, list[Mention]]) -> None:
    """Under a name that is its own or another's; only debris and second halves are left out."""
    text, mentions = article
    counts = CountsNames(NAMER, frozenset({"DATE"})).count(text, mentions)
    expected = Counter(name[:2] for name in NAMER.names(text, mentions) if name)
    assert counts == {entity: n for entity, n in expected.items() if entity[1] != "DATE"}


def test_as_found() -> None:
    """Without names, each text counts by itself under each label."""
    text, mentions = read("[U.S.|GPE], [US|GPE], [US|ORG], [Monday|DATE]")
    counts = CountsTexts(frozenset({"DATE"})).count(text, mentions)
    assert counts == {("u.s", "GPE"): 1, ("us", "GPE"): 1, ("us", "ORG"): 1}


def test_long_names_refuse_no_article() -> None:
    """Where the table's names would not fit into a result, the texts are counted as found."""
    rows = {(f"a{number}", "ORG"): f"{'long ' * 50}{number}" for number in range(100)}
    counter = CountsNames(Namer(Aliases(rows)), frozenset())
    text, mentions = read(" ".join(f"[a{number}|ORG]" for number in range(100)))
    assert set(counter.count(text, mentions)) == set(rows)
    few = counter.count(*read("[a1|ORG] and [a2|ORG]"))
    assert {len(key) > 200 for key, _ in few} == {True}


def test_the_version_says_which_table() -> None:
    """The same rows in any order are the same version, others another."""
    rows = dict(STATES)
    again = dict(reversed(rows.items()))
    assert Namer(Aliases(rows)).version == Namer(Aliases(again)).version
    again["u.s", "GPE"] = "USA"
    assert Namer(Aliases(rows)).version != Namer(Aliases(again)).version
