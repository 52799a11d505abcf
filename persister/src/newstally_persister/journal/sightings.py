"""Which errors and which releases were seen first when: so that one can tell which are new.

An error is new where it was seen first in the release that was seen last, and another release of
the service was seen before that one.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SIGHTINGS = 2_000
"""Most that are kept: those that were seen first longest ago go."""
TEXT_BYTES = 64
"""Of each text; what is longer is not kept."""


class Sighting(NamedTuple):
    """An error in a release of a service; without a fingerprint the release itself."""

    service: str
    release: str
    fingerprint: str


def fits(sighting: Sighting) -> bool:
    """Whether it can be kept."""
    return bool(sighting.service and sighting.release) and all(
        len(text.encode(errors="replace")) <= TEXT_BYTES for text in sighting
    )


def note(connection: sqlite3.Connection, sightings: Iterable[Sighting], now_micros: int) -> None:
    """Remember what was not seen before, in order; beyond SIGHTINGS the oldest are forgotten.

    A clock that was ahead when others were noted does not make these older.
    """
    (latest,) = connection.execute("SELECT max(first_micros) FROM sightings").fetchone()
    begin = now_micros if latest is None else max(now_micros, latest + 1)
    rows = [
        (each.service, each.fingerprint, each.release, begin + number)
        for number, each in enumerate(sightings)
        if fits(each)
    ]
    connection.executemany("INSERT INTO sightings VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)
    connection.execute(
        """DELETE FROM sightings WHERE (service, fingerprint, release) IN (
            SELECT service, fingerprint, release FROM sightings
            ORDER BY first_micros DESC, service, fingerprint, release LIMIT -1 OFFSET ?)""",
        (SIGHTINGS,),
    )


def new_errors(connection: sqlite3.Connection) -> Sequence[str]:
    """Return the fingerprints of errors that a service's newest release has brought, sorted."""
    found = connection.execute(
        """WITH newest AS (
            SELECT service, release, max(first_micros) AS since, count(*) AS releases
            FROM sightings WHERE fingerprint = '' GROUP BY service
        )
        SELECT DISTINCT fingerprint FROM sightings JOIN newest USING (service)
        WHERE fingerprint <> '' AND releases > 1 AND NOT EXISTS (
            SELECT 1 FROM sightings AS earlier
            WHERE earlier.service = sightings.service
            AND earlier.fingerprint = sightings.fingerprint
            AND earlier.release <> newest.release
        ) ORDER BY fingerprint"""
    )
    return [fingerprint for (fingerprint,) in found]
