"""Which documents a query finds, as Firestore says, and in which order. Pure."""

import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.cloud.firestore_v1.types import StructuredQuery

_Operator = StructuredQuery.FieldFilter.Operator
_OPERATORS: dict[int, Callable[[Any, Any], bool]] = {
    _Operator.GREATER_THAN: operator.gt,
    _Operator.GREATER_THAN_OR_EQUAL: operator.ge,
    _Operator.LESS_THAN: operator.lt,
    _Operator.LESS_THAN_OR_EQUAL: operator.le,
    _Operator.EQUAL: operator.eq,
}
_NAME = "__name__"
Entry = tuple[tuple[Any, ...], str]
"""The values that a document is ordered by, and its name."""


class Shape:
    """What a query asks, but for where it begins and how many it wants.

    Filters are joined by AND, and the fields of documents are texts and whole numbers.
    """

    def __init__(self, query: Any) -> None:
        """`query` is the protobuf message, not its wrapper."""
        where = query.where
        filters = [each.field_filter for each in where.composite_filter.filters]
        if where.HasField("field_filter"):
            filters = [where.field_filter]
        self._filters = [(each.field.field_path, each.op, _plain(each.value)) for each in filters]
        orders = [(each.field.field_path, each.direction) for each in query.order_by]
        if not orders or orders[-1][0] != _NAME:
            # Where nothing else tells them apart, names do, in the direction of the last one.
            direction = orders[-1][1] if orders else StructuredQuery.Direction.ASCENDING
            orders.append((_NAME, direction))
        self._paths = [path for path, _ in orders]
        self._signs = [
            -1 if direction == StructuredQuery.Direction.DESCENDING else 1
            for _, direction in orders
        ]

    @property
    def is_of_names(self) -> bool:
        """Whether nothing of a document has to be looked at but its name, ascending."""
        ordered = self._paths == [_NAME] and self._signs == [1]
        return ordered and all(path == _NAME for path, *_ in self._filters)

    def names(self, names: Iterable[str]) -> Iterable[str]:
        """Give those of these names that filters allow."""
        filters = [each for each in self._filters if each[0] == _NAME]
        return (
            name for name in names if all(_OPERATORS[op](name, bound) for _, op, bound in filters)
        )

    def entries(self, documents: Iterable[Any]) -> list[Entry]:
        """Return those of these documents that the query finds, in its order.

        A document without a field that it is ordered by is not found.
        """
        filters = [each for each in self._filters if each[0] != _NAME]
        paths = [path for path in self._paths if path != _NAME]
        found = []
        for document in documents:
            fields = document.fields
            if all(path in fields for path in paths) and all(
                path in fields and _OPERATORS[op](_plain(fields[path]), bound)
                for path, op, bound in filters
            ):
                place = tuple(
                    document.name if path == _NAME else _plain(fields[path]) for path in self._paths
                )
                found.append((place, document.name))
        return sorted(found, key=functools.cmp_to_key(self._order))

    def behind(self, entries: Sequence[Entry], cursor: Any) -> Sequence[Entry]:
        """Return the entries from a query's cursor on."""
        start = [_plain(value) for value in cursor.values]
        if not start:
            return entries
        least = 0 if cursor.before else 1
        return [entry for entry in entries if self._compare(entry[0], start) >= least]

    def _order(self, entry: Entry, other: Entry) -> int:
        return self._compare(entry[0], other[0])

    def _compare(self, place: Sequence[Any], other: Sequence[Any]) -> int:
        for sign, own, others in zip(self._signs, place, other, strict=False):
            if own != others:
                return sign if own > others else -sign
        return 0


def _plain(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value_type"))
