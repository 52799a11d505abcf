"""Many rows in few statements."""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

ROWS_PER_STATEMENT = 50
"""Rows that one statement writes: each step hands the interpreter's lock over once."""


class Upsert:
    """An INSERT, and what is done where there is a row already."""

    def __init__(self, table: str, columns: Sequence[str], on_conflict: str = "") -> None:
        """`on_conflict`: DO and what comes after it; without, such a row is an error."""
        row = f"({','.join('?' * len(columns))})"
        head = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
        tail = f"ON CONFLICT {on_conflict}" if on_conflict else ""
        self._one = f"{head} {row} {tail}"
        self._many = f"{head} {','.join([row] * ROWS_PER_STATEMENT)} {tail}"

    def run(self, connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write the rows, in their order, in the caller's transaction."""
        whole = len(rows) - len(rows) % ROWS_PER_STATEMENT
        for start in range(0, whole, ROWS_PER_STATEMENT):
            chunk = rows[start : start + ROWS_PER_STATEMENT]
            connection.execute(self._many, tuple(chain.from_iterable(chunk)))
        connection.executemany(self._one, rows[whole:])
