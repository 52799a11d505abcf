"""Answers from a compact database.

What a publication has within some days stands side by side in its leaves, so it is read as a whole,
and exact. An entity is found in one leaf. What would have to be added up over the entities of all
publications is not answered.
"""

from collections.abc import Sequence
from typing import Any

from newstally_protos.rising import Change, rise

from newstally_persister.sinks.base import EntityPosition, EntityTally, PageLimits
from newstally_persister.sinks.firestore.client import fields
from newstally_persister.sinks.firestore.compact.rows import PUBLICATION, Counts, Entity, Tallied
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
from newstally_persister.sinks.questions.firestore_compact_reading import (
    NOTHING,
    CompactReading,
    told_days,
)
from newstally_persister.sinks.questions.firestore_days import one_publication, within
from newstally_persister.sinks.questions.firestore_days import periods as told_periods
from newstally_persister.sinks.sqlite_rows import entities_page, page

_NO_TALLY = DayTally("", 0, 0, 0)


class CompactQuestions(Asking[CompactReading]):
    """Questions to a compact Firestore database; see `asked.Questions`."""

    kind = CompactReading

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
            listed = await reading.listed(own, days, label, limits, after)
            if listed is not None and listed.is_current:
                return listed.ranking
            try:
                async with self._turn():
                    return await _rank(reading, own, days, label, limits, after)
            except UnansweredError:
                # Too large to be read: some seconds ago is better than nothing.
                if listed is None:
                    raise
                return listed.ranking

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
        async with self._turn(), self._reading() as reading:
            own = await reading.publication(one_publication(publication))
            latest, by_month = None, False
            if days is None:
                latest, by_month = await reading.latest_day(own, today + LATEST_AHEAD_DAYS)
            days, base = periods(days, base, latest, by_month=by_month)
            both = Days(min(days.first, base.first), max(days.last, base.last))
            tallied = await reading.days(own, both)
            told = told_days(tallied)
            counted = told.pop(PUBLICATION, NOTHING)
            articles, base_articles = within(counted, days)[1], within(counted, base)[1]
            if not articles or not base_articles:
                empty = days if not articles else base
                raise NothingComparableError(
                    f"no article was counted from {iso_day(empty.first)} to {iso_day(empty.last)}"
                )
            best: Best[RisingEntity] = Best(limits.items + 1, after)
            for (text, label), of in told.items():
                change = Change(*within(of, days), *within(of, base))
                if floor.label not in ("", label) or change.articles < floor.articles:
                    continue
                found = rise(change, articles, base_articles)
                if found.at_least > 1:
                    name = tallied.names.get(Entity(text, label), "")
                    risen = EntityTally(text, label, change.mentions, change.articles, name)
                    entity = RisingEntity(risen, change.base_mentions, change.base_articles, found)
                    best.add((found.at_least, text, label), entity)
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
        """See Questions.history."""
        async with self._turn(), self._reading() as reading:
            publications = await reading.chosen(publication)
            pairs, tally = await _of_name(reading, publications, name)
            entity = Entity(tally.text, tally.label)
            found = await ask_each(publications, lambda one: reading.days(one, days))
            told = [told_days(each, (entity, PUBLICATION)) for each in found]
            rows = told_periods(
                [each[entity] for each in told if entity in each],
                [each[PUBLICATION] for each in told if PUBLICATION in each],
                days,
            )
            listed = page(
                (DayTally(*row) for row in rows if after is None or row[0] > after),
                lambda _: "",
                limits,
            )
            if after is not None:
                return History(tally, listed, _NO_TALLY)
            own = [fields(each) for each in publications]
            without = DayTally(
                "",
                tally.mentions - sum(counts[2] for _, counts in pairs),
                tally.articles - sum(counts[3] for _, counts in pairs),
                sum(each["articles"] - each.get("dated_articles", 0) for each in own),
            )
            return History(tally, listed, without)

    async def publications(
        self, name: Name, days: Days, limits: PageLimits, after: PublicationPosition | None
    ) -> Mentioning:
        """See Questions.publications."""
        async with self._turn(), self._reading() as reading:
            pairs, tally = await _of_name(reading, await reading.publications(), name)
            entity = Entity(tally.text, tally.label)
            rows = []
            found = await ask_each(pairs, lambda pair: _within(reading, *pair, entity, days))
            for (publication, _), (mentions, articles, counted) in zip(pairs, found, strict=True):
                if mentions:
                    its = fields(publication)
                    rows.append(
                        PublicationMentions(its["key"], its["name"], mentions, articles, counted)
                    )
            rows.sort(key=lambda row: (-row.mentions, row.key))
            if after is not None:
                rows = [row for row in rows if (-row.mentions, row.key) > (-after[0], after[1])]
            return Mentioning(tally, page(rows, lambda row: row.key + row.name, limits))

    async def find(
        self,
        publication: str | None,
        beginning: str,
        label: str,
        limits: PageLimits,
        after: NamePosition | None,
    ) -> Found:
        """See Questions.find."""
        async with self._turn(), self._reading() as reading:
            publications = await reading.chosen(publication)
            found = await ask_each(publications, lambda one: reading.beginning(one, beginning))
        sums = Tallied()
        for each in found:
            for entity, counts in each.totals.items():
                if label in ("", entity.label) and (after is None or entity > after):
                    sums.add(entity, counts, each.names.get(entity, ""))
        listed = page(
            (_tally(entity, sums) for entity in sorted(sums.totals)),
            lambda tally: tally.text + tally.label + tally.name,
            limits,
        )
        last = listed.items[-1] if listed.more else None
        return Found([*listed.items], None if last is None else (last.text, last.label))


async def _rank(
    reading: CompactReading,
    publication: Any,
    days: Days,
    label: str,
    limits: PageLimits,
    after: EntityPosition | None,
) -> Ranking:
    """Sort all that is there within the days."""
    best: Best[tuple[str, str, int, int, str]] = Best(limits.items + 1, after)
    if days.all:
        tallied = await reading.totals(publication)
        counted = fields(publication)["articles"]
        counts = {entity: found[:2] for entity, found in tallied.totals.items()}
    else:
        tallied = await reading.days(publication, days)
        told = told_days(tallied)
        counted = within(told.pop(PUBLICATION, NOTHING), days)[1]
        counts = {entity: within(of, days) for entity, of in told.items()}
    for (text, name), (mentions, articles) in counts.items():
        if mentions and label in ("", name):
            shown = tallied.names.get(Entity(text, name), "")
            best.add((mentions, text, name), (text, name, mentions, articles, shown))
    return Ranking(entities_page(best.items(), limits), counted)


async def _of_name(
    reading: CompactReading, publications: Sequence[Any], name: Name
) -> tuple[list[tuple[Any, Counts]], EntityTally]:
    """Return what each publication that has it counts, and the sum. Raises EntityUnknownError."""
    found = await ask_each(publications, lambda one: reading.named(one, name.text, name.label))
    sums = Tallied()
    for each in found:
        for entity, counts in each.totals.items():
            sums.add(entity, counts, each.names.get(entity, ""))
    if not sums.totals:
        raise EntityUnknownError
    meant = min(sums.totals, key=lambda entity: (-sums.totals[entity][0], entity.label))
    pairs = [
        (publication, each.totals[meant])
        for publication, each in zip(publications, found, strict=True)
        if meant in each.totals
    ]
    return pairs, _tally(meant, sums)


async def _within(
    reading: CompactReading, publication: Any, counts: Counts, entity: Entity, days: Days
) -> tuple[int, int, int]:
    """Return (mentions, articles, counted articles of the publication) within the days."""
    if days.all:
        return counts[0], counts[1], fields(publication)["articles"]
    told = told_days(await reading.days(publication, days), (entity, PUBLICATION))
    own = within(told.get(entity, NOTHING), days)
    # Where it is not mentioned, what the publication does not know of its days does not matter.
    counted = within(told.get(PUBLICATION, NOTHING), days)[1] if own[0] else 0
    return *own, counted


def _tally(entity: Entity, sums: Tallied) -> EntityTally:
    counts = sums.totals[entity]
    return EntityTally(*entity, counts[0], counts[1], sums.names.get(entity, ""))
