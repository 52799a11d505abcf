"""The dashboard over a real gateway and persister: what its pages show, as they are served."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from newstally_dashboard.asking.questions import LATEST_UPLOADS
from newstally_protos.names import publication_key
from support.browsing import Answer, Shown
from support.processes import eventually
from unit.persister.building import Article
from unit.persister.calling import Caller

TODAY = datetime.now(UTC).date().toordinal() - date(1970, 1, 1).toordinal()
NATO, TALLIS, MERKEL = ("nato", "ORG"), ("thomas tallis", "PERSON"), ("angela merkel", "PERSON")
SCRIPT = "<script>alert(1)</script>"
ARABIC = "صحيفة الأخبار"
EMOJI = "The 🗞️ Post 👩‍👩‍👧"
LONG = "L" * 512
FORMULA = "=cmd|' /C calc'!A0"
HOSTILE = (SCRIPT, ARABIC, EMOJI, LONG, FORMULA, 'a" onmouseover="alert(1)', "100% & more?#/")
PAGES = ("/", "/live", "/publication?name=The+Post", "/entity?text=nato", "/search?q=na")
ALL_PAGES = (
    *PAGES,
    "/status",
    "/compare",
    "/compare?entity=ORG:nato&entity=PERSON:angela+merkel",
    "/compare?publication=Sun&publication=The+Post",
    "/search",
)


def entity_of(name: str) -> str:
    """Return a text as extractors store it: signs around it are none of theirs."""
    return f"a{publication_key(name)}z"


def articles() -> list[Article]:
    """Seven weeks of two publications; what rose is Merkel, in the last days of the Post."""
    made: list[Article] = []
    for back in range(49):
        made += [("The Post", [NATO], TODAY - back), ("Sun", [NATO, TALLIS], TODAY - back)]
    made += [("The Post", [MERKEL, MERKEL, NATO], TODAY - back) for back in range(6)]
    return [*made, ("The Post", [(FORMULA, "ORG"), (SCRIPT, "PERSON")], None)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with Shown(tmp_path_factory.mktemp("dashboard")) as running:
        running.record("job", articles())
        running.record("hostile", [(each, [(entity_of(each), "ORG")], TODAY) for each in HOSTILE])
        names = [(f"name {number:03}", "ORG") for number in range(120)]
        running.record("many", [("Many", [*names, ("zenith fair", "EVENT")], None)])
        yield running


@pytest.mark.parametrize("path", ALL_PAGES)
def test_every_page_answers_get_and_head(shown: Shown, path: str) -> None:
    """With the same headers, and a policy that lets nothing in from elsewhere."""
    page = shown.whole(path)
    assert page.status == 200, page.text
    head = shown.get(path, "HEAD")
    assert head.status == 200
    assert head.body == b""
    if "live" not in path and path != "/" and "status" not in path:  # these tell of now
        # What a page shows beside may be asked for anew between the two.
        tag = "ETag"
        eventually(lambda: shown.get(path, "HEAD").headers[tag] == shown.whole(path).headers[tag])
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ALL_PAGES)
def test_no_page_asks_for_anything_elsewhere(shown: Shown, path: str) -> None:
    """Its files are its own, its scripts and styles are files, and each is there."""
    page = shown.whole(path)
    addresses = {v for _, name, v in page.attributes if name in ("src", "href", "action")}
    assert all(each.startswith(("/", "#")) and each[:2] != "//" for each in addresses)
    assert not [n for _, n, _ in page.attributes if n == "style" or n.startswith("on")]
    assert "<style" not in page.text
    scripts = re.findall(r"<script([^>]*)>", page.text)
    assert all("src=" in each or "application/json" in each for each in scripts)
    for file in {each for each in addresses if each.startswith("/static/")}:
        found = shown.get(file)
        assert found.status == 200
        assert "immutable" in found.headers["Cache-Control"]


def test_the_overview(shown: Shown) -> None:
    """Publications with their sums, and what rises."""
    page = shown.whole("/")
    assert "113 articles in 10 publications, with 295 mentions." in page.seen
    rows = page.table("Publications")
    assert rows[0] == ["Publication", "Articles in all", "Mentions in all", "Articles over time"]
    assert [row[:3] for row in rows[1:3]] == [["Many", "1", "121"], ["Sun", "49", "98"]]
    assert rows[3][:3] == ["The Post", "56", "69"]
    by_name = shown.whole("/?sort=name").table("Publications")
    assert by_name[-1][0] == ARABIC


def test_what_rises(shown: Shown) -> None:
    """It comes by itself where it takes the store a while."""
    page = shown.whole("/", "angela merkel")
    assert page.table("What rises")[1][0].startswith("angela merkel")


def test_a_publication(shown: Shown) -> None:
    """In any spelling, as the store spells it; with what it mentions, and more than others."""
    page = shown.whole("/publication?name=the+POST", "The Post", "Elsewhere")
    assert ">The Post</bdi></h1>" in page.text
    assert page.table("Names")[1:3] == [
        ["nato", "Organisation", "55", "55"],
        ["angela merkel", "Person", "12", "6"],
    ]
    assert page.table("What it mentions more than the others")[1][0] == "angela merkel"


def test_the_first_pages_of_many_names(shown: Shown) -> None:
    """They say that there are more, and know the kinds of all; a further page has the rest."""
    page = shown.whole("/publication?name=Many", "of more than 100", "Event")
    assert "Page 1" in page.seen
    assert "Page 1 of" not in page.seen
    assert ">Next<" in page.text
    assert ">Last<" not in page.text
    last = shown.whole("/publication?name=Many&page=5", "of 121", "Page 5 of 5")
    assert last.table("Names")[-1] == ["zenith fair", "Event", "1", "1"]
    assert ">Next<" not in last.text


def test_a_period(shown: Shown) -> None:
    """Only what is of its days; the links on the page are of the same days."""
    page = shown.whole("/publication?name=The+Post&period=7d")
    assert page.table("Names")[1] == ["nato", "Organisation", "13", "13"]
    assert "period=7d" in re.findall(r'href="(/entity[^"]*)"', page.text)[0]
    empty = shown.whole("/publication?name=The+Post&from=1999-01-01&to=1999-01-31")
    assert empty.status == 200
    assert "It has no articles 1999-01-01 to 1999-01-31." in empty.seen
    assert "Show all days" in empty.seen


def test_an_entity(shown: Shown) -> None:
    """Who mentions it, by any column, and how often in all."""
    page = shown.whole("/entity?text=NATO")
    assert "104 mentions in 104 articles" in page.seen
    assert [row[:2] for row in page.table("Who mentions it")] == [
        ["Publication", "Mentions"],
        ["The Post", "55"],
        ["Sun", "49"],
    ]
    turned = shown.whole("/entity?text=NATO&sort=mentions&order=asc")
    assert [row[0] for row in turned.table("Who mentions it")[1:]] == ["Sun", "The Post"]


def test_a_comparison(shown: Shown) -> None:
    """Sums of each, and the figures of the chart as a table."""
    page = shown.whole("/compare?entity=ORG:nato&entity=PERSON:angela+merkel&by=month")
    chosen = page.table("Chosen")
    assert [row[1] for row in chosen[1:]] == ["104", "12"]
    months = page.table("Mentions over time")
    assert sum(int(row[1]) for row in months[1:]) == 104
    assert sum(int(row[2]) for row in months[1:]) == 12
    papers = shown.whole("/compare?publication=Sun&publication=The+Post")
    assert [row[1] for row in papers.table("Chosen")[1:]] == ["49", "55"]


def test_a_search(shown: Shown) -> None:
    """Entities by how a word of theirs begins, publications by any part."""
    assert "nato" in shown.whole("/search?q=Na").seen
    assert "angela merkel" in shown.whole("/search?q=merk").seen
    assert "The Post" in shown.whole("/search?q=ost").seen
    assert "Nothing found" in shown.whole("/search?q=zzz").seen


def test_a_download(shown: Shown) -> None:
    """As CSV, in which nothing is a formula."""
    answer = shown.get("/publication.csv?name=The+Post")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="The_Post.csv"')
    rows = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"), newline="")))
    assert rows[:2] == [
        ["name", "text", "label", "mentions", "articles"],
        ["nato", "nato", "ORG", "55", "55"],
    ]
    assert [f"'{FORMULA}"] * 2 in [row[:2] for row in rows]


def test_a_line(shown: Shown) -> None:
    """A picture that holds nothing but a line."""
    answer = shown.get("/spark.svg?name=Sun&period=30d")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert re.fullmatch(r"<svg [^<]*><polygon [^<]*/><polyline [^<]*/></svg>", answer.text)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_and_do_nothing(shown: Shown, name: str) -> None:
    """As text, on each page that has them."""
    query, key = urlencode({"name": name}), entity_of(name)
    for path, text in (
        (f"/publication?{query}", name),
        (f"/compare?{urlencode({'publication': name})}", name),
        (f"/entity?{urlencode({'text': key})}", key),
        (f"/search?{urlencode({'q': name})}", name),
        ("/?sort=name", name),
    ):
        page = shown.whole(path)
        assert page.status == 200, path
        assert " ".join(text.split()).casefold() in page.seen.casefold(), path
        assert SCRIPT not in page.text
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert shown.get(f"/publication.csv?{query}").status == 200


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/publication?name=Nobody", 404, "Nothing of that name"),
        ("/entity?text=nobody", 404, "Nothing of that name"),
        ("/publication", 400, "the address does not say which"),
        ("/?period=8d", 400, "write one of"),
        ("/?from=2026-02-01&to=2026-01-01", 400, "before they begin"),
        ("/?page=0", 400, "write a number"),
        ("/compare?" + "&".join(f"entity=ORG:{n}" for n in range(6)), 400, "at most 5"),
        ("/compare?entity=ORG:a&publication=b", 400, "either"),
        ("/nothing", 404, "There is no such page"),
        ("/compare/", 404, "There is no such page"),
        ("/static/0/main.js", 404, "no such file"),
    ],
)
def test_what_is_wrong_is_told(shown: Shown, path: str, status: int, said: str) -> None:
    """On a page with the way out."""
    page = shown.whole(path, said)
    assert page.status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(shown: Shown, method: str) -> None:
    """It only reads."""
    answer = shown.get("/", method)
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


def test_a_page_is_sent_once(shown: Shown) -> None:
    """A browser that has it is told that it is the same."""
    page = shown.whole("/entity?text=nato")
    found: list[Answer] = []

    def same() -> bool:
        """Unless a part of it does not come in time."""
        found[:] = [shown.get("/entity?text=nato", If_None_Match=page.headers["ETag"])]
        return found[0].status == 304

    eventually(same)
    assert found[0].body == b""
    other = shown.get("/entity?text=nato", If_None_Match='"other"')
    assert other.status == 200
    assert shown.whole("/entity?text=nato").body == page.body


def test_light_or_dark_is_the_readers_choice(shown: Shown) -> None:
    """A cookie says it; anything else in it is ignored."""
    assert 'data-theme="dark"' in shown.get("/compare", Cookie="theme=dark").text
    assert "data-theme=" not in shown.get("/compare", Cookie='theme="><script>').text
    assert "Cookie" in shown.get("/compare").headers["Vary"]


def test_no_other_name_is_answered(shown: Shown) -> None:
    """Or a foreign page could read along, whose name is made to point here."""
    assert shown.get("/", Host="evil.example").status == 421
    for host in ("localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:80"):
        assert shown.get("/compare", Host=host).status == 200


def test_more_uploads_in_a_day_than_are_listed(tmp_path: Path) -> None:
    """Their articles are at least those of the latest hundred."""
    with Shown(tmp_path, ["--cache-seconds", "0.1"]) as shown:
        shown.record("job", [("The Post", [NATO], TODAY)])
        eventually(lambda: "begun today 1 articles" in shown.get("/live").seen)
        with Caller(shown.persister.address) as caller:
            for number in range(LATEST_UPLOADS):
                caller.create(f"later-{number}")
        eventually(lambda: "begun today at least 0 articles" in shown.get("/live").seen)
