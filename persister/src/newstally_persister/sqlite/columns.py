"""Columns that come to a table later."""

import sqlite3


def add_column(connection: sqlite3.Connection, table: str, column: str, kind: str) -> None:
    """Add a column to a table where it is missing, in the caller's transaction.

    A release that does not know it goes on, as long as it names the columns that it writes.
    """
    found = connection.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, column))
    if found.fetchone() is None:
        connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
