"""Cloud Firestore's answers.

An entity's days stand in its own document, one for each publication. So one entity is read at
once, and the entities of one publication in the order of their mentions, until no other can be
among those that are wanted: see `best`. What would have to be added up over the entities of all
publications is not answered.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from newstally_protos.rising import Change, most, rise

from newstally_persister.sinks.base import EntityPosition, EntityTally, PageLimits
from newstally_persister.sinks.firestore.client import fields
from newstally_persister.sinks.firestore.days import of_document
from newstally_persister.sinks.questions.asked import (
    LATEST_AHEAD_DAYS,
    Days,
    DayTally,
    EntityUnknownError,
    Floor,
    Found,
    History,
    Mentioning,
    Name,
    NamePosition,
    NothingComparableError,
    Period,
    PublicationMentions,
    PublicationPosition,
    Ranking,
    RisingEntity,
    RisingList,
    RisingPosition,
    UnansweredError,
    iso_day,
    periods,
)
from newstally_persister.sinks.questions.best import Best
from newstally_persister.sinks.questions.firestore_asking import Asking, ask_each
from newstally_persister.sinks.questions.firestore_days import dated, one_publication, within
from newstally_persister.sinks.questions.firestore_days import periods as told_periods
from newstally_persister.sinks.questions.firestore_reading import Reading
from newstally_persister.sinks.sqlite_rows import entities_page, page

_NO_TALLY = DayTally("", 0, 0, 0)


class FirestoreQuestions(Asking[Reading]):
    """Questions to a Firestore database; see `asked.Questions`."""

    kind = Reading

    async def rank(
        self,
        publication: str | None,
        days: Days,
        label: str,
        limits: PageLimits,
        after: EntityPosition | None,
    ) -> Ranking:
        """See Questions.rank."""
        async with self._reading() as reading:
            own = await reading.publication(one_publication(publication))
            best: Best[tuple[str, str, int, int, str]] = Best(limits.items + 1, after)
            async for document in reading.entities(own, label):
                tally = _tally(document)
                mentions, articles = _counts(document, days)
                if mentions:
                    row = (tally.text, tally.label, mentions, articles, tally.name)
                    best.add((mentions, tally.text, tally.label), row)
                if best.is_settled(tally.mentions):
                    break
            return Ranking(entities_page(best.items(), limits), _counts(own, days)[1])

    async def rising(
        self,
        publication: str | None,
        days: Period | None,
        base: Period | None,
        floor: Floor,
        limits: PageLimits,
        after: RisingPosition | None,
        today: int,
    ) -> RisingList:
        """See Questions.rising."""
        async with self._reading() as reading:
            own = await reading.publication(one_publication(publication))
            told = of_document(own)
            known = [day for day in told.days if day <= today + LATEST_AHEAD_DAYS]
            by_month = bool(told.months or told.outside[1])
            days, base = periods(days, base, max(known, default=None), by_month=by_month)
            articles, base_articles = within(told, days)[1], within(told, base)[1]
            if not articles or not base_articles:
                empty = days if not articles else base
                raise NothingComparableError(
                    f"no article was counted from {iso_day(empty.first)} to {iso_day(empty.last)}"
                )
            best: Best[RisingEntity] = Best(limits.items + 1, after)
            async for document in _answerable(reading.entities(own, floor.label)):
                tally, told = _tally(document), of_document(document)
                left = most(tally.mentions, articles, base_articles)
                # From here on nothing has so many mentions, nor so many articles.
                if tally.mentions < floor.articles or left <= 1 or best.is_settled(left):
                    break
                change = Change(*within(told, days), *within(told, base))
                if change.articles < floor.articles:
                    continue
                found = rise(change, articles, base_articles)
                if found.at_least > 1:
                    risen = tally._replace(mentions=change.mentions, articles=change.articles)
                    entity = RisingEntity(risen, change.base_mentions, change.base_articles, found)
                    best.add((found.at_least, tally.text, tally.label), entity)
            listed = page(best.items(), lambda each: "".join(map(str, each.tally)), limits)
            return RisingList(listed, days, base, articles, base_articles)

    async def history(
        self,
        publication: str | None,
        name: Name,
        days: Days,
        limits: PageLimits,
        after: str | None,
    ) -> History:
        """See Questions.history. What has a date far off counts as having no day."""
        async with self._reading() as reading:
            publications = await reading.chosen(publication)
            documents = [each for _, each in await _of_name(reading, publications, name)]
            tally = _sum(documents)
            own, all_ = ([*map(of_document, some)] for some in (documents, publications))
            rows = told_periods(own, all_, days)
            listed = page(
                (DayTally(*row) for row in rows if after is None or row[0] > after),
                lambda _: "",
                limits,
            )
            if after is not None:
                return History(tally, listed, _NO_TALLY)
            in_time = [sum(counts) for counts in zip(*map(dated, own), strict=True)]
            counted = sum(fields(each)["articles"] for each in publications)
            without = DayTally(
                "",
                tally.mentions - in_time[0],
                tally.articles - in_time[1],
                counted - sum(dated(each)[1] for each in all_),
            )
            return History(tally, listed, without)

    async def publications(
        self, name: Name, days: Days, limits: PageLimits, after: PublicationPosition | None
    ) -> Mentioning:
        """See Questions.publications."""
        async with self._reading() as reading:
            found = await _of_name(reading, await reading.publications(), name)
            rows = []
            for publication, document in found:
                mentions, articles = _counts(document, days)
                if mentions:
                    its, counted = fields(publication), _counts(publication, days)[1]
                    rows.append(
                        PublicationMentions(its["key"], its["name"], mentions, articles, counted)
                    )
            rows.sort(key=lambda row: (-row.mentions, row.key))
            if after is not None:
                rows = [row for row in rows if (-row.mentions, row.key) > (-after[0], after[1])]
            listed = page(rows, lambda row: row.key + row.name, limits)
            return Mentioning(_sum([document for _, document in found]), listed)

    async def find(
        self,
        publication: str | None,
        beginning: str,
        label: str,
        limits: PageLimits,
        after: NamePosition | None,
    ) -> Found:
        """See Questions.find."""
        async with self._reading() as reading:
            publications = await reading.chosen(publication)
            found = await ask_each(publications, lambda one: reading.beginning(one, beginning))
        by_name: dict[tuple[str, str], list[Any]] = {}
        for document in (document for some in found for document in some):
            tally = _tally(document)
            if label in ("", tally.label) and (after is None or tally[:2] > after):
                by_name.setdefault(tally[:2], []).append(document)
        listed = page(
            (_sum(by_name[place]) for place in sorted(by_name)),
            lambda tally: tally.text + tally.label + tally.name,
            limits,
        )
        last = listed.items[-1] if listed.more else None
        return Found([*listed.items], None if last is None else (last.text, last.label))


async def _of_name(
    reading: Reading, publications: Sequence[Any], name: Name
) -> list[tuple[Any, Any]]:
    """Return (publication, entity) for each publication that has it. Raises EntityUnknownError."""
    found = await ask_each(publications, lambda one: reading.named(one, name.text, name.label))
    pairs = [
        (publication, document)
        for publication, some in zip(publications, found, strict=True)
        for document in some
    ]
    sums: dict[str, int] = {}
    for _, document in pairs:
        tally = _tally(document)
        sums[tally.label] = sums.get(tally.label, 0) + tally.mentions
    if not sums:
        raise EntityUnknownError
    meant = min(sums, key=lambda label: (-sums[label], label))
    return [pair for pair in pairs if _tally(pair[1]).label == meant]


async def _answerable(entities: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Yield entities; where they are too many, say with which floor they would not be."""
    least = 0
    try:
        async for document in entities:
            least = _tally(document).mentions
            yield document
    except UnansweredError as error:
        # What has fewer mentions than articles are asked for is not read any more.
        raise UnansweredError(
            f"too many documents would be read: ask for {least + 1} articles at least"
            " (min_articles), perhaps for one label, or use the SQLite sink"
        ) from error


def _tally(document: Any) -> EntityTally:
    found = fields(document)
    return EntityTally(
        found["text"],
        found["label"],
        found["mentions"],
        found["articles"],
        found.get("name", ""),
    )


def _sum(documents: Sequence[Any]) -> EntityTally:
    """Return one entity over publications."""
    tallies = [_tally(document) for document in documents]
    return tallies[0]._replace(
        mentions=sum(tally.mentions for tally in tallies),
        articles=sum(tally.articles for tally in tallies),
    )


def _counts(document: Any, days: Days) -> tuple[int, int]:
    """Return (mentions, articles) of a document within the days, all of them included."""
    if days.all:
        found = fields(document)
        return found["mentions"], found["articles"]
    return within(of_document(document), days)
