"""Data frames as articles, row by row: of pandas, polars and pyarrow, none of which is needed."""

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, TypeAlias

from newstally.errors import InputError
from newstally.values import ArticleLike

DataFrame: TypeAlias = Any
"""A frame of pandas or polars, or a table of pyarrow: none of them is imported here."""
Articles = Iterable[ArticleLike] | AsyncIterable[ArticleLike] | DataFrame
_FIELDS = ("publication", "content", "article_id", "publish_time")
_ROWS = 256


def rows(articles: Articles) -> Iterable[ArticleLike] | AsyncIterable[ArticleLike]:
    """Return the rows of a data frame as mappings; anything else as it is.

    Columns that an article has not are left out. Raises InputError if publication or content is
    missing: no row would be an article.
    """
    if isinstance(articles, Mapping):
        raise InputError("one article is no input: pass a list of articles")
    found = _read(articles)
    return articles if found is None else found


def _read(frame: Any) -> Iterable[Mapping[str, object]] | None:
    if hasattr(frame, "itertuples") and hasattr(frame, "columns"):  # pandas
        names = _names(frame.columns)
        chosen = frame[names].itertuples(index=False, name=None)
        return (dict(zip(names, row, strict=True)) for row in chosen)
    if hasattr(frame, "iter_rows") and hasattr(frame, "columns"):  # polars
        return _mappings(frame.select(_names(frame.columns)).iter_rows(named=True))
    if hasattr(frame, "to_batches") and hasattr(frame, "column_names"):  # pyarrow
        table = frame.select(_names(frame.column_names))
        batches = table.to_batches(max_chunksize=_ROWS)
        return (row for batch in batches for row in batch.to_pylist())
    return None


def _mappings(rows: Iterable[Mapping[str, object]]) -> Iterable[Mapping[str, object]]:
    return rows


def _names(columns: Iterable[object]) -> list[str]:
    there = list(columns)
    missing = [name for name in _FIELDS[:2] if name not in there]
    if missing:
        raise InputError(
            f"the data frame has no column {' and no column '.join(missing)}; there are:"
            f" {', '.join(map(str, there)) or 'none'}; rename them, for example"
            " frame.rename(columns={'text': 'content'})"
        )
    return [name for name in _FIELDS if name in there]
