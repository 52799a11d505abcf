"""The first of a list that nobody has, from lists that are ordered otherwise. Pure.

Entities are looked at in the order of all their mentions, of whatever days. No entity has more
mentions within some days than it has in all; so once the last of those that are wanted has more
than anything that was not looked at can have, the list is exact (Fagin's threshold algorithm).
"""

import heapq
from collections.abc import Iterable
from typing import Generic, TypeVar

Key = tuple[float, str, str]
"""(score, text, label): a higher score comes first, then the lower text, then the lower label."""
Item = TypeVar("Item")


class Best(Generic[Item]):
    """Keeps the first `number` items behind a position."""

    def __init__(self, number: int, after: Key | None) -> None:
        self._number = number
        self._after = None if after is None else _order(after)
        self._items: list[tuple[_Backwards, Item]] = []
        """A heap: the last of the list stands first."""

    def add(self, key: Key, item: Item) -> None:
        """Offer an item; each key once."""
        order = _order(key)
        if self._after is not None and order <= self._after:
            return
        entry = (_Backwards(order), item)
        if len(self._items) < self._number:
            heapq.heappush(self._items, entry)
        else:
            heapq.heappushpop(self._items, entry)

    def may_take(self, most: float) -> bool:
        """Return whether something with a score of at most `most` may get in."""
        return len(self._items) < self._number or -self._items[0][0].order[0] <= most

    def is_settled(self, most: float) -> bool:
        """Return whether nothing with a score of at most `most` can get in any more."""
        # With an equal score its text may stand before.
        return not self.may_take(most)

    def items(self) -> Iterable[Item]:
        """Return them in their order."""
        return [item for _, item in sorted(self._items, key=lambda entry: entry[0].order)]


_Order = tuple[float, str, str]


class _Backwards:
    """Sorts the other way round."""

    __slots__ = ("order",)

    def __init__(self, order: _Order) -> None:
        self.order = order

    def __lt__(self, other: "_Backwards") -> bool:
        return self.order > other.order


def _order(key: Key) -> _Order:
    score, text, label = key
    return -score, text, label
