"""The dashboard over Firestore, which does not answer everything."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from integration.firestore.conftest import emulator  # noqa: F401 - a fixture
from support.browsing import Shown
from support.processes import eventually

pytestmark = [pytest.mark.firestore, pytest.mark.xdist_group("firestore")]

LAST = datetime.now(UTC).date() - timedelta(days=10)
"""It is kept by day..."""
ENDED = date(2016, 7, 18)
"""...and this one by month."""
NATO = ("nato", "ORG")


def number(day: date) -> int:
    """Return a day as articles have it: since 1970."""
    return (day - date(1970, 1, 1)).days


@pytest.fixture(scope="module")
def shown(emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:  # noqa: F811
    """An archive of two publications, one of which ended before the other."""
    flags = ["--sink", "firestore", "--firestore-project", "dashboard", "--flush-age", "0.05"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
        with Shown(tmp_path_factory.mktemp("firestore"), persister_flags=flags) as running:
            running.record(
                "archive",
                [("The Post", [NATO], number(LAST) - back) for back in range(40)]
                + [("Sun", [NATO], number(ENDED) - back) for back in range(50)],
            )
            yield running


def test_the_last_days_are_those_that_have_articles(shown: Shown) -> None:
    """Though the store does not say them of all publications together."""
    # Where it does not say them in time, days end today: an emulator may be slow.
    eventually(lambda: f'name="to" value="{LAST}"' in shown.get("/entity?text=nato&period=7d").text)
    entity = shown.whole("/entity?text=nato&period=7d", str(LAST))
    assert entity.table("Who mentions it")[1][:2] == ["The Post", "7"]
    shown.whole("/?period=30d", f"to {LAST}")


def test_a_publication_has_its_own_last_days(shown: Shown) -> None:
    """Those before it ended; whole months where the store keeps no days."""
    told = "18 articles, 2016-07-01 to 2016-07-31."
    page = shown.whole("/publication?name=Sun&period=7d", told)
    assert page.table("Names")[1] == ["nato", "Organisation", "18", "18"]
    shown.whole("/publication?name=Sun&period=90d", "50 articles, 2016-05-01 to 2016-07-31.")


@pytest.mark.parametrize(
    ("path", "heading", "stands"),
    [
        ("/", "What rises", "The Post"),
        ("/publication?name=The+Post", "What it mentions more than the others", "nato"),
    ],
)
def test_what_the_store_does_not_answer_is_told(
    shown: Shown, path: str, heading: str, stands: str
) -> None:
    """In its place, with what to do instead; the rest of the page stands."""
    page = shown.whole(path, "This store cannot answer that")
    assert page.status == 200
    said = page.seen[page.seen.rindex(heading) :]
    assert "This store cannot answer that" in said
    assert "ask for one publication, or use the SQLite sink" in said
    assert stands in page.seen
    assert page.seen.index(stands) < page.seen.rindex(heading)
    assert "UNIMPLEMENTED" not in page.seen
