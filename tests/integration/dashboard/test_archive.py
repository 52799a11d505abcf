"""An archive whose last articles have none in the weeks before them."""

from pathlib import Path

from support.browsing import Shown

OLD = 17_000
"""A day in July 2016."""


def test_the_last_days_of_an_archive_are_those_that_have_articles(tmp_path: Path) -> None:
    """Nothing can be compared there, and yet the last week is not empty."""
    with Shown(tmp_path) as shown:
        shown.record(
            "archive",
            [("The Post", [("nato", "ORG")], OLD - 400), ("The Post", [("nato", "ORG")], OLD)],
        )
        page = shown.whole("/publication?name=The+Post&period=7d")
        assert page.table("Names")[1] == ["nato", "Organisation", "1", "1"]
        assert "2016-07-18" in page.seen
        assert shown.get("/?period=30d").status == 200


def test_a_publication_has_its_own_last_days(tmp_path: Path) -> None:
    """Of one that ended there is something to see, too; a day far ahead is a mistake."""
    with Shown(tmp_path) as shown:
        shown.record(
            "archive",
            [
                ("Sun", [("nato", "ORG")], OLD + 900),
                ("The Post", [("nato", "ORG")], OLD),
                ("The Post", [("nato", "ORG")], OLD + 40_000),
            ],
        )
        page = shown.whole("/publication?name=the+post&period=7d")
        assert page.table("Names")[1] == ["nato", "Organisation", "1", "1"]
        assert 'name="to" value="2016-07-18"' in page.text
