"""Articles whose verdict is known beforehand: what the plain recount counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from newstally_protos.v1.article_pb2 import Article, RefusalReason
from newstally_protos.v1.extractor_pb2 import ArticleEntities, Failure, FailureReason, Result

MAX_CONTENT_BYTES = 2_000
BASE_CHARGE_BYTES = 16 * 1024
"""What an article is charged besides five times its content."""

SPELLINGS = {
    "the times": ("The Times", "THE TIMES ", "the  times"),
    "bbc": ("BBC", "bbc"),
    "süddeutsche": ("Süddeutsche", " SÜDDEUTSCHE"),
}
"""Publication key to what clients write."""
ENTITIES = tuple(
    (text, label)
    for text in ("angela merkel", "united nations", "köln", "x/y", "__z__")
    for label in ("PERSON", "ORG")
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One article and its true verdict."""

    article: Article | None
    reason: int | None
    """Why it is refused; None: it is counted."""
    lethal: str | None = None
    """How it ends the replica that works on it: "crash", "hang" or not at all."""
    publication: str = ""
    """Its publication's key, if it is counted."""
    entities: dict[tuple[str, str], int] = field(default_factory=dict)
    """(text, label) to mentions, if it is counted."""
    result: Result | None = None
    """What a replica answers, without the id."""
    is_flawed: bool = False
    """Whether it is refused before any replica sees it."""

    @property
    def charge_bytes(self) -> int:
        """What a gateway is to charge for it."""
        if self.is_flawed or self.article is None:
            return BASE_CHARGE_BYTES
        return BASE_CHARGE_BYTES + 5 * len(self.article.content.encode())


Tally = Counter[tuple[str, str, str, str]]
"""(publication key, text, label, "mentions" | "articles") to the number; empty text and label for
the publication's own."""


def recount(samples: Sequence[Sample]) -> Tally:
    """Count the articles one by one."""
    tally: Tally = Counter()
    for sample in samples:
        if sample.reason is None:
            key = sample.publication
            tally[key, "", "", "articles"] += 1
            tally[key, "", "", "mentions"] += sum(sample.entities.values())
            for (text, label), mentions in sample.entities.items():
                tally[key, text, label, "mentions"] += mentions
                tally[key, text, label, "articles"] += 1
    return +tally


def make_samples(random: Random, name: str, number: int, lethal: float) -> list[Sample]:
    """Make as many articles as an upload has, a share of them `lethal`; no two are alike."""
    return [_make(random, f"{name}/{offset} ", lethal) for offset in range(number)]


def _make(random: Random, name: str, lethal: float) -> Sample:
    if random.random() < lethal:
        how = random.choice(("crash", "hang"))
        article = _article(random, name, random.randrange(200))
        return Sample(article, RefusalReason.REFUSAL_REASON_POISON, lethal=how)
    kind = random.random()
    if kind < 0.06:
        return _flawed(random, name)
    if kind < 0.12:
        return _failing(random, name)
    size = random.choice((0, 20, 100, 300, 700, MAX_CONTENT_BYTES - 40))
    key = random.choice(tuple(SPELLINGS))
    entities = {
        entity: random.randint(1, 3) for entity in random.sample(ENTITIES, random.randrange(4))
    }
    result = Result(entities=_entities(entities))
    article = _article(random, name, size, random.choice(SPELLINGS[key]))
    return Sample(article, None, publication=key, entities=entities, result=result)


def _article(random: Random, name: str, padding: int, publication: str = "BBC") -> Article:
    # No two contents are alike: by its content a replica knows what to do with it.
    return Article(publication=publication, content=name + "x" * padding, article_id=name)


def _flawed(random: Random, name: str) -> Sample:
    article, reason = random.choice(
        (
            (None, RefusalReason.REFUSAL_REASON_ARTICLE_MISSING),
            (None, RefusalReason.REFUSAL_REASON_MALFORMED),
            (_article(random, name, 1, " "), RefusalReason.REFUSAL_REASON_PUBLICATION_EMPTY),
            (_article(random, name, 1, "the\ttimes"), RefusalReason.REFUSAL_REASON_MALFORMED),
            (
                Article(publication="BBC", content=" \n"),
                RefusalReason.REFUSAL_REASON_CONTENT_EMPTY,
            ),
            (
                _article(random, name, MAX_CONTENT_BYTES),
                RefusalReason.REFUSAL_REASON_CONTENT_TOO_LONG,
            ),
        )
    )
    return Sample(article, reason, is_flawed=True)


def _failing(random: Random, name: str) -> Sample:
    """Return an article on which the pipeline fails, or the replica breaks the protocol."""
    article = _article(random, name, random.randrange(300))
    failed = RefusalReason.REFUSAL_REASON_EXTRACTION_FAILED
    twice = ArticleEntities()
    for _ in range(2):
        twice.entities.add(text="köln", label="GPE", mentions=1)
    large = _entities({(f"{number}" + "y" * 3_900, "ORG"): 1 for number in range(3)})
    return random.choice(
        (
            Sample(
                article,
                failed,
                result=Result(
                    failure=Failure(reason=FailureReason.FAILURE_REASON_EXTRACTION_FAILED)
                ),
            ),
            Sample(article, failed, result=Result()),
            Sample(article, failed, result=Result(entities=twice)),
            Sample(
                article,
                RefusalReason.REFUSAL_REASON_RESULT_TOO_LARGE,
                result=Result(entities=large),
            ),
        )
    )


def _entities(mentions: dict[tuple[str, str], int]) -> ArticleEntities:
    entities = ArticleEntities()
    for (text, label), number in mentions.items():
        entities.entities.add(text=text, label=label, mentions=number)
    return entities
