"""Made-up articles for tests, and what a plain recount makes of them."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from newstally import Access, Article, NewstallyClient
from support.engines import Recounted, recount

_NAMES = [
    first + second
    for first in ("Al", "Ber", "Cor", "Dan", "El", "Far", "Gus", "Hel", "Ir", "Jo")
    for second in ("bany", "tram", "delia", "ube", "mira", "go", "tav", "sinki", "vine", "rgen")
]
_WORDS = ("said", "that", "the", "new", "plan", "would", "be", "ready", "while", "others", "waited")
PUBLICATIONS = ("The Lantern", "Harbour Post", "Évening Wire")


@dataclass(frozen=True, slots=True)
class Total:
    """What one publication adds up to."""

    articles: int = 0
    entities: dict[tuple[str, str], Recounted] = field(default_factory=dict)


def make_articles(number: int, seed: int = 1, words: int = 40) -> list[Article]:
    """Return articles of about `words` words, a function of the arguments."""
    source = random.Random(seed)
    return [
        Article(
            publication=source.choice(PUBLICATIONS),
            content=" ".join(
                source.choice(_NAMES if source.random() < 0.3 else _WORDS) for _ in range(words)
            )
            + f" Article{source.randrange(10**6)}",
            article_id=f"a{index}",
        )
        for index in range(number)
    ]


def totals(articles: Iterable[Article]) -> dict[str, Total]:
    """Recount plainly: by publication as shown."""
    texts: dict[str, list[str]] = {}
    for article in articles:
        texts.setdefault(article.publication, []).append(article.content)
    return {name: Total(len(some), recount(some)) for name, some in texts.items()}


async def stored_totals(target: str, access: Access | None = None) -> dict[str, Total]:
    """Read what the sink holds, through the gateway."""
    found: dict[str, Total] = {}
    async with NewstallyClient(target, access=access) as client:
        async for publication in client.publications():
            name = publication.publication
            found[name] = Total(
                publication.articles,
                {
                    (tally.text, tally.label): Recounted(tally.mentions, tally.articles)
                    async for tally in client.entity_tallies(name)
                },
            )
            mentions = sum(each.mentions for each in found[name].entities.values())
            assert publication.mentions == mentions
    return found


async def assert_counted_once(
    target: str, articles: Sequence[Article], access: Access | None = None
) -> None:
    """Fail unless the sink holds exactly these articles, each once."""
    found, expected = await stored_totals(target, access), totals(articles)
    assert {name: total.articles for name, total in found.items()} == {
        name: total.articles for name, total in expected.items()
    }
    assert found == expected
