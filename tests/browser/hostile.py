"""Names as no editor would write them, and an engine that finds exactly those.

Name it with `--engine browser.hostile:named`, the folder tests being on PYTHONPATH. Each line of a
content is one mention, `LABEL|name`; under which key a name counts is decided as anywhere.
"""

# ruff: noqa: RUF001 - the signs of other alphabets are meant

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from newstally import Article
from newstally_extractor.counting.entities import Counts, NamedCounts
from newstally_extractor.counting.normalising import normalise
from newstally_extractor.settings import ExtractorSettings

LAST_DAY = datetime(2026, 6, 30, 12, tzinfo=UTC)
MARK = "xssmark"
"""What a script of ours would write into the page's title, or show as a dialogue."""

SCRIPTS = (
    f"<script>document.title='{MARK}';alert('{MARK}')</script>",
    f'"><img src=x onerror="alert(\'{MARK}\')">',
    f"'-alert('{MARK}')-'",
    f"</script><svg onload=alert('{MARK}')>",
    f"{{{{constructor.constructor('alert(`{MARK}`)')()}}}}",
    f"javascript:alert('{MARK}')",
    "{b|bold} {c} %s ${7*7} {{7*7}}",
    "&lt;b&gt; &amp; &#x41;",
)
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1:A9)", '=HYPERLINK("http://example.com";"x")', "=cmd|x")
OTHERS = (
    "مؤسسة الأخبار العربية",
    "הארץ היומי",
    "ראש abc ו-123 ממשלה",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘ corporation",
    "👩‍👩‍👧‍👦 Familie 🇪🇺 e.V.",
    "A/B?c=d&e=f#g",
    "../../etc/passwd",
    "100%25 %2F%00",
    "C++ \\ back\\slash",
    "O’Neill & “Sons”, Inc.",
    'Comma, "quote"; semicolon',
    "__proto__",
    "constructor",
    "toString of hasOwnProperty",
    ".",
)
LONG = (
    "W" * 512,
    ("Lang" * 8 + " ") * 15,
    "長" * 170,
    "👩" * 128,
)
"""As long as a publication may be, 512 bytes, with and without places to break."""
NAMES = (*SCRIPTS, *FORMULAS, *OTHERS, *LONG)
LABELS = ("PERSON", "ORG", "GPE", "NORP", "<b>LABEL</b>", "МЕТКА")
HOME = "Hostile Herald"
"""A publication with a plain name that mentions all of them."""


class NamedEngine:
    """Finds what each line says."""

    name = "named"
    model = "test_named"
    model_version = "1"

    def extract(self, texts: Sequence[str]) -> Sequence[Counts | Exception]:
        return [_one(text) for text in texts]


def named(settings: ExtractorSettings) -> NamedEngine:
    """Make the engine, as `--engine` wants it."""
    return NamedEngine()


def _one(text: str) -> Counts:
    counts = NamedCounts()
    for line in text.splitlines():
        label, _, name = line.partition("|")
        if key := normalise(name):
            counts[key, label] = counts.get((key, label), 0) + 1
            if name != key:
                counts.names[key, label] = name
    return counts


def content(names: Sequence[str]) -> str:
    """Return what mentions these names, the first most often."""
    lines = []
    for place, name in enumerate(names):
        shown = name.replace("\n", " ")
        lines += [f"{LABELS[place % len(LABELS)]}|{shown}"] * (1 + (len(names) - place) // 4)
    return "\n".join(lines)


def articles(publications: int) -> Iterator[Article]:
    """Yield what makes a hostile store: all names, everywhere, and so many publications."""
    for back in range(40, -1, -1):
        when = LAST_DAY - timedelta(days=back)
        yield Article(publication=HOME, content=content(NAMES), publish_time=when)
        rotated = NAMES[back % len(NAMES) :] + NAMES[: back % len(NAMES)]
        if back < 8:
            rotated = ("Zorba <i>rises</i>",) * 3 + rotated
        yield Article(publication=HOME, content=content(rotated[:12]), publish_time=when)
    for place, name in enumerate(NAMES):
        when = LAST_DAY - timedelta(days=place)
        yield Article(publication=name, content=content(NAMES[place:]), publish_time=when)
    for number in range(publications - 1 - len(NAMES)):
        yield Article(
            publication=f"Gazette {number:05}",
            content=f"GPE|Town {number % 977}\nPERSON|Mayor {number}",
            publish_time=LAST_DAY - timedelta(days=number % 30),
        )
