"""Articles whose verdict is known beforehand: what the plain recount counts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from google.protobuf.timestamp_pb2 import Timestamp
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
    day: int | None = None
    """The day that it counts under."""
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


Tally = Counter[tuple[str, str, str, str, int | None]]
"""(publication key, text, label, "mentions" | "articles", day) to the number; empty text and label
for the publication's own, and None for articles without a day."""
Row = tuple[str, str, str, int, int]
"""Publication key, text, label, mentions, articles."""
DayRow = tuple[str, str, str, int, int, int]
"""Publication key, text, label, day, mentions, articles."""
DAYS = (None, 20_000, 20_000, 20_000, 20_001, 0, -3)
"""The days of articles; most have the same."""


def recount(samples: Sequence[Sample]) -> Tally:
    """Count the articles one by one."""
    tally: Tally = Counter()
    for sample in samples:
        if sample.reason is None:
            key, day = sample.publication, sample.day
            tally[key, "", "", "articles", day] += 1
            tally[key, "", "", "mentions", day] += sum(sample.entities.values())
            for (text, label), mentions in sample.entities.items():
                tally[key, text, label, "mentions", day] += mentions
                tally[key, text, label, "articles", day] += 1
    return +tally


def by_day(rows: Iterable[Row], dated: Iterable[DayRow]) -> Tally:
    """Return what is stored as totals and what of them has a day. Negative where days have more."""
    tally: Tally = Counter()
    for key, text, label, mentions, articles in rows:
        tally[key, text, label, "mentions", None] += mentions
        tally[key, text, label, "articles", None] += articles
    for key, text, label, day, mentions, articles in dated:
        for what, number in (("mentions", mentions), ("articles", articles)):
            tally[key, text, label, what, day] += number
            tally[key, text, label, what, None] -= number
    return Counter({key: number for key, number in tally.items() if number})


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
    day = random.choice(DAYS)
    if day is not None:
        article.publish_time.seconds = day * 86_400 + random.randrange(86_400)
    return Sample(article, None, publication=key, entities=entities, day=day, result=result)


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
                Article(publication="BBC", content=name, publish_time=Timestamp(seconds=10**12)),
                RefusalReason.REFUSAL_REASON_PUBLISH_TIME_INVALID,
            ),
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
