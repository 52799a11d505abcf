"""What one publication mentions more per article than another. Pure but for the reading.

The measure is that of what rises (`newstally_protos.rising`), with the other publication in the
place of the earlier period: how many times as often it is at least mentioned, with 95 % certainty.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from newstally_protos.names import publication_key
from newstally_protos.rising import MIN_ARTICLES, Change, rise

from newstally.client import NewstallyClient
from newstally.errors import NotFound
from newstally.values import EntityTally, PublicationTally

Key = tuple[str, str]
"""Text and label."""
Tallies = dict[Key, EntityTally]


@dataclass(frozen=True, slots=True)
class Difference:
    """One entity in both publications."""

    text: str
    name: str
    label: str
    mentions: int
    """In the publication that mentions it more."""
    articles: int
    """In so many of its articles."""
    other_mentions: int
    other_articles: int
    times: float
    """How many times as many mentions per article, estimated."""
    at_least: float
    """Its lower bound, above 1."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two publications."""

    first: PublicationTally
    second: PublicationTally
    more_in_first: list[Difference]
    """What the first mentions more, by `at_least`, descending."""
    more_in_second: list[Difference]


async def compare(client: NewstallyClient, first: str, second: str, label: str) -> Compared:
    """Read both publications. Memory grows with what is mentioned in three articles or more.

    Raises NotFound naming the publication that is not there.
    """
    one, other = await _publications(client, (first, second))
    here = client.entity_tallies(one.publication, label=label)
    there = client.entity_tallies(other.publication, label=label)
    frequent, rest = await _frequent(here)
    other_frequent, other_rest = await _frequent(there)
    # Of what is rare only what is frequent in the other one matters.
    await _fill(frequent, rest, here, other_frequent)
    await _fill(other_frequent, other_rest, there, frequent)
    return Compared(
        one,
        other,
        differences(frequent, other_frequent, one.articles, other.articles),
        differences(other_frequent, frequent, other.articles, one.articles),
    )


def differences(
    here: Mapping[Key, EntityTally],
    there: Mapping[Key, EntityTally],
    articles: int,
    other_articles: int,
) -> list[Difference]:
    """Return what is mentioned more here, those first of which it is surest that it is much."""
    found = []
    for key, tally in here.items():
        if tally.articles < MIN_ARTICLES:
            continue
        other = there.get(key)
        mentions, seen = (other.mentions, other.articles) if other else (0, 0)
        change = Change(tally.mentions, tally.articles, mentions, seen)
        by = rise(change, articles, other_articles)
        if by.at_least > 1:
            own = (tally.text, tally.name, tally.label, tally.mentions, tally.articles)
            found.append(Difference(*own, mentions, seen, by.times, by.at_least))
    return sorted(found, key=lambda each: (-each.at_least, each.text, each.label))


async def _publications(
    client: NewstallyClient, names: tuple[str, str]
) -> tuple[PublicationTally, PublicationTally]:
    wanted = {publication_key(name): name for name in names}
    found: dict[str, PublicationTally] = {}
    async for tally in client.publications():
        key = publication_key(tally.publication)
        if key in wanted:
            found[key] = tally
            if len(found) == len(wanted):
                break
    for key, name in wanted.items():
        if key not in found:
            raise NotFound(f"no tallies of {name}; `newstally publications` lists those there are")
    first, second = (found[publication_key(name)] for name in names)
    return first, second


async def _frequent(tallies: AsyncIterator[EntityTally]) -> tuple[Tallies, list[EntityTally]]:
    """Return what can be in three articles, and the first that cannot: the list is by mentions."""
    found: Tallies = {}
    async for tally in tallies:
        if tally.mentions < MIN_ARTICLES:
            return found, [tally]
        found[tally.text, tally.label] = tally
    return found, []


async def _fill(
    tallies: Tallies, first: list[EntityTally], rest: AsyncIterator[EntityTally], wanted: Tallies
) -> None:
    """Add what is rare here and wanted."""
    for tally in first:
        _add(tallies, tally, wanted)
    async for tally in rest:
        _add(tallies, tally, wanted)


def _add(tallies: Tallies, tally: EntityTally, wanted: Tallies) -> None:
    key = (tally.text, tally.label)
    if key in wanted:
        tallies[key] = tally
