"""What one publication mentions more per article than all others together. Pure.

The measure is that of what rises (`newstally_protos.rising`), with the others in the place of the
earlier period. Of all publications only what they mention most is known. What is not among that is
taken for as frequent as it can be, so that nothing is claimed that may not be so.
"""

from dataclasses import dataclass

from newstally_protos.rising import MIN_ARTICLES, Change, rise
from newstally_protos.v1.tally_pb2 import EntityTally, RankEntitiesResponse

MOST = 10


@dataclass(frozen=True, slots=True)
class Distinctive:
    """An entity that one publication mentions more."""

    tally: EntityTally
    at_least: float
    """So many times as often as the others, with 95 % certainty; above 1."""
    others_mentions: int | None
    """None: not known; fewer than are listed."""


def distinctive(here: RankEntitiesResponse, everywhere: RankEntitiesResponse) -> list[Distinctive]:
    """Compare a publication with all, of the same days and label; the surest first."""
    articles, others = here.articles, everywhere.articles - here.articles
    if articles <= 0 or others <= 0:
        return []
    known = {_key(each): each for each in everywhere.entity_tallies}
    whole = not everywhere.next_page_token
    least = 0 if whole else min((each.mentions for each in everywhere.entity_tallies), default=0)
    found = [
        made
        for tally in here.entity_tallies
        if tally.articles >= MIN_ARTICLES
        and (made := _compared(tally, known.get(_key(tally)), least, articles, others))
    ]
    return sorted(found, key=lambda each: (-each.at_least, each.tally.text))[:MOST]


def _key(tally: EntityTally) -> tuple[str, str]:
    return tally.text, tally.label


def _compared(
    tally: EntityTally, all_of_it: EntityTally | None, least: int, articles: int, others: int
) -> Distinctive | None:
    if all_of_it is not None:
        # The two answers may be of different moments.
        mentions = max(0, all_of_it.mentions - tally.mentions)
        seen = min(mentions, max(0, all_of_it.articles - tally.articles))
    else:
        mentions = seen = max(0, least - tally.mentions)
    if mentions and not seen:
        seen = 1
    by = rise(Change(tally.mentions, tally.articles, mentions, min(seen, others)), articles, others)
    if by.at_least <= 1:
        return None
    return Distinctive(tally, by.at_least, None if all_of_it is None else mentions)
