"""SQLite transactions, begun and ended explicitly."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


def begin_anew(connection: sqlite3.Connection) -> None:
    """Drop what an earlier user of the connection left uncommitted; switch to autocommit mode."""
    # In this order: setting the isolation level commits what is open.
    if connection.in_transaction:
        connection.rollback()
    connection.isolation_level = None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block in one transaction: all of it is committed, or nothing of it.

    The connection is in autocommit mode (`isolation_level=None`).
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # An error like SQLITE_FULL has ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all reads of the block see the same state. The connection is in autocommit mode."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
