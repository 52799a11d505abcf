"""The table of aliases: the shipped one, and one's own."""

from pathlib import Path

import pytest
from newstally_extractor.engines import make_engine
from newstally_extractor.engines.engine import SettingError
from newstally_extractor.names.aliases import AliasError, load_aliases
from newstally_extractor.settings import ExtractorSettings
from newstally_runtime.settings import load

HEADER = "key\tlabel\tname\n"


def table(folder: Path, text: str) -> Path:
    path = folder / "own.tsv"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("key", "label", "name"),
    [
        ("u.s", "GPE", "United States"),
        ("usa", "GPE", "United States"),
        ("america", "GPE", "United States"),
        ("united states", "GPE", "United States"),
        ("who", "ORG", "World Health Organization"),
        ("nasa", "ORG", "NASA"),
        ("burma", "GPE", "Myanmar"),
        ("americans", "NORP", "American"),
        ("donald j. trump", "PERSON", "Donald Trump"),
        ("gillard", "PERSON", "Julia Gillard"),
        ("medicare", "ORG", "Medicare"),
    ],
)
def test_the_shipped_table(key: str, label: str, name: str) -> None:
    """Some of its rows."""
    alias = load_aliases().find(key, label)
    assert alias is not None
    assert alias.name == name


@pytest.mark.parametrize(
    ("key", "label"),
    [("washington", "GPE"), ("america", "LOC"), ("us", "X"), ("bush", "PERSON"), ("cms", "ORG")],
)
def test_what_is_ambiguous_has_no_row(key: str, label: str) -> None:
    """Precision before recall; "us" is the states only as a place, whatever else is called so."""
    alias = load_aliases().find(key, label)
    assert alias is None or key == "us"


def test_own_rows_add_and_override(tmp_path: Path) -> None:
    """A row for the same key and label replaces the shipped one."""
    own = table(tmp_path, HEADER + "# ours\n\nu.s\tGPE\tUSA\nacme\tORG\tACME Corporation\n")
    aliases = load_aliases(own)
    found = [aliases.find(*key) for key in [("u.s", "GPE"), ("acme", "ORG"), ("uk", "GPE")]]
    assert [alias and alias.name for alias in found] == [
        "USA",
        "ACME Corporation",
        "United Kingdom",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: it must be key, label and name"),
        ("key,label,name\n", "line 1"),
        (HEADER + "acme\tORG\n", "line 2: 2 columns where there are 3"),
        (
            HEADER + "# x\nAcme Corp.\tORG\tAcme\n",
            "line 3: the key must be normalised: 'acme corp'",
        ),
        (HEADER + "acme\torg\tAcme\n", "line 2: a label is in capitals, not 'org'"),
        (HEADER + f"acme\t{'ORG' * 22}\tAcme\n", "line 2: a label has at most 64 letters, not 66"),
        (HEADER + "acme\tORG\t...\n", r"line 2: '\.\.\.' is no name"),
        (HEADER + "a\tORG\tA1\nb\tORG\tB\na\tORG\tA2\n", "line 4: 'a' ORG is in line 2, too"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file and the line."""
    with pytest.raises(AliasError, match=message) as caught:
        load_aliases(table(tmp_path, text))
    assert "own.tsv" in str(caught.value)


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, or not UTF-8."""
    with pytest.raises(AliasError, match="cannot read"):
        load_aliases(tmp_path / "none.tsv")
    (tmp_path / "latin.tsv").write_bytes(b"key\tlabel\tname\nx\tORG\tCaf\xe9\n")
    with pytest.raises(AliasError, match="cannot read"):
        load_aliases(tmp_path / "latin.tsv")


def test_a_bad_table_is_found_at_start(tmp_path: Path) -> None:
    """Before the model is loaded, and with the setting's name."""
    own = table(tmp_path, "nonsense")
    settings = load(ExtractorSettings, ["--aliases", str(own), "--model", "no_such_model"])
    with pytest.raises(SettingError) as caught:
        make_engine(settings)
    assert caught.value.setting == "aliases"
