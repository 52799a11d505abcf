"""How documents of one publication are found by their names, ascending: that needs no index."""

from google.cloud.firestore_v1.types import StructuredQuery, Value

TALLIES = "tallies"
LOG = "log"
HEAD = "head"
_FieldFilter = StructuredQuery.FieldFilter
_NAME = StructuredQuery.FieldReference(field_path="__name__")


def leaves(publication: str, first: str, last: str, limit: int | None = None) -> StructuredQuery:
    """Ask for leaves named from `first` to `last`, both included, of a publication's document."""
    bounds = [
        StructuredQuery.Filter(
            field_filter=_FieldFilter(
                field=_NAME,
                op=operator,
                value=Value(reference_value=f"{publication}/{TALLIES}/{end}"),
            )
        )
        for operator, end in (
            (_FieldFilter.Operator.GREATER_THAN_OR_EQUAL, first),
            (_FieldFilter.Operator.LESS_THAN_OR_EQUAL, last),
        )
    ]
    return StructuredQuery(
        from_=[StructuredQuery.CollectionSelector(collection_id=TALLIES)],
        where=StructuredQuery.Filter(
            composite_filter=StructuredQuery.CompositeFilter(
                op=StructuredQuery.CompositeFilter.Operator.AND, filters=bounds
            )
        ),
        order_by=[
            StructuredQuery.Order(field=_NAME, direction=StructuredQuery.Direction.ASCENDING)
        ],
        limit=limit,
    )


def log_name(publication: str) -> str:
    """Return the name of a publication's log."""
    return f"{publication}/{TALLIES}/{LOG}"


def head_name(publication: str) -> str:
    """Return the name of a publication's head."""
    return f"{publication}/{TALLIES}/{HEAD}"


def end_of(document: object) -> str:
    """Return the last key that a leaf may hold, from its document."""
    name: str = document.name  # type: ignore[attr-defined]
    return name.rpartition("/")[2]
