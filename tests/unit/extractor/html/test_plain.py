"""Contents that are HTML, and contents that only look like it."""

import html as escaping
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_extractor.html.detecting import is_html
from newstally_extractor.html.plain import make_reader
from newstally_extractor.html.reading import TooDeepError, to_text

AUTO, _ = make_reader("auto")


def test_nothing() -> None:
    """It has no text, also where all is taken for HTML."""
    assert to_text("") == ""


@pytest.mark.parametrize(
    "content",
    [
        "<!DOCTYPE html><html><body><p>Berlin.</p></body></html>",
        "  <p>Berlin.<p>Paris.</p>",
        '<div class="twitter">Barack Obama&#8217;s</div>',
        "<b>BERLIN</b> (AP) - It rains.<br/>It rains on.",
        "It rains.<br><br>It rains on.<br>Still.",
        "Intro</p><p>One</p><p>Two</p>",
    ],
)
def test_html(content: str) -> None:
    """Whole pages, and what feeds carry."""
    assert is_html(content)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "Is 3 < 4 and 5 > 4?",
        "Use <p> and </p> around paragraphs. " + "They are the basis of every page. " * 100,
        "<name> stands for your name.",
        "Mail <ann@example.org>.",
        "In C++, vector<int> and map<a, b> are types.",
        "a <- b; x <p y",
        "Fish &amp; chips",
    ],
)
def test_no_html(content: str) -> None:
    """It is left to the byte."""
    assert not is_html(content)
    assert AUTO(content) is content


def test_what_a_reader_reads() -> None:
    """Entities are decoded, blocks are apart, scripts, styles and menus are gone."""
    page = """<html><head><title>T</title><style>p {}</style></head><body>
    <nav><a href="/">Home</a></nav><h1>Rain in Berlin</h1>
    <p>In&nbsp;Berlin,
      <b>Barack</b> Obama&#8217;s   car<br>stopped &lt; here.</p><script>var x = "Paris";</script>
    <ul><li>Twitter<li>Facebook</ul><!-- Rome --></body></html>"""
    assert AUTO(page) == (
        "Rain in Berlin.\n\nIn Berlin, Barack Obama\u2019s car\nstopped < here.\n\n"
        "Twitter.\n\nFacebook."
    )


def test_settings() -> None:
    """strip takes whatever comes, keep nothing; the version says which."""
    strip, stripped = make_reader("strip")
    keep, kept = make_reader("keep")
    assert strip("a <i>b</i> &amp; c") == "a b & c"
    assert keep("<p>x</p>") == "<p>x</p>"
    assert len({stripped, kept, make_reader("auto")[1]}) == 3


WORDS = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("<>&\"' "), min_size=1
).map(lambda text: " ".join(text.split()))


@given(st.lists(WORDS.filter(bool), min_size=1, max_size=5))
def test_escaped_paragraphs_come_back(paragraphs: list[str]) -> None:
    """What a template wrote is read again."""
    page = "".join(f"<p>{escaping.escape(text)}</p>\n" for text in paragraphs)
    assert to_text(page).split("\n\n") == paragraphs


@given(st.text("<>/abp&;!-= \n\"'", max_size=200))
def test_anything_can_be_read(content: str) -> None:
    """No content raises."""
    assert isinstance(AUTO(content), str)


HOSTILE = {
    "nested": "<div>",
    "open": "<b><p>",
    "brackets": "<",
    "comments": "<!--",
    "tables": "<table><tr><td>x",
    "wrong ends": "<a><b><p></a>",
    "ends": "</p>",
    "ampersands": "&am",
    "attributes": "<a b=",
    "lists": "<ul><li>",
}


PATIENCE_SECONDS = 20.0
"""Of the processor. What looks back for each piece takes minutes; a busy one needs 3 for this."""


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_no_content_is_dear(piece: str) -> None:
    """A megabyte takes less than what the pipeline needs for as much prose by far."""
    content = piece * (1_000_000 // len(piece))
    began = time.process_time()
    is_html(content)
    try:
        to_text(content)
    except TooDeepError:
        assert make_reader("strip")[0](content) == content
    assert time.process_time() - began < PATIENCE_SECONDS


def test_unclosed_formats_and_ends_are_not_dear() -> None:
    """Each end would look for its beginning among all that are open."""
    opened = "".join(f"<font c={number}>" for number in range(30_000))
    began = time.process_time()
    with pytest.raises(TooDeepError):
        to_text(opened + "</p>" * 100_000)
    assert time.process_time() - began < PATIENCE_SECONDS
