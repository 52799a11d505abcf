"""Uploads and batches: what is recorded. Each function runs in its caller's transaction."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from newstally_protos.spellings import BETTER_SQL, better

from newstally_persister.journal.tables import models, older_keys, refusals
from newstally_persister.journal.tables.reader import UPLOAD_COLUMNS, read_upload
from newstally_persister.values.batches import MODELS_LIMIT, Batch, RowKey
from newstally_persister.values.uploads import NewUpload, Recorded, Upload

_DAY_MICROS = 86_400_000_000
_ROWS_PER_STATEMENT = 50
"""Rows that one statement upserts: each step hands the interpreter's lock over once."""
_ROW = "(?,?,?,?,?,?,?)"
_UPSERT = (
    "INSERT INTO pending (flush, publication_key, text, label, mentions, articles, name) "
    "VALUES {rows} ON CONFLICT DO UPDATE SET mentions = mentions + excluded.mentions, "
    "articles = articles + excluded.articles, name = {name}"
)
_NAME = BETTER_SQL.format(old="name", new="excluded.name")
_UPSERT_ONE = _UPSERT.format(rows=_ROW, name=_NAME)
_UPSERT_MANY = _UPSERT.format(rows=",".join([_ROW] * _ROWS_PER_STATEMENT), name=_NAME)

_PendingRow = tuple[str, str, str, int, int, str | None]
"""RowKey, mentions, articles, and the name that readers know."""


def create_uploads(
    connection: sqlite3.Connection, wishes: Sequence[NewUpload], now_micros: int
) -> list[Upload | None]:
    """Make the uploads that do not exist; return each wish's upload as it stands.

    None where the owner has made as many as a day allows.
    """
    return [_find_or_make(connection, wish, now_micros) for wish in wishes]


def _find_or_make(
    connection: sqlite3.Connection, wish: NewUpload, now_micros: int
) -> Upload | None:
    upload = _find(connection, wish.upload_id)
    if upload is not None:
        return replace(upload, fingerprint=_fingerprint(connection, wish.upload_id))
    if not _count_made(connection, wish, now_micros // _DAY_MICROS):
        return None
    connection.execute(
        f"INSERT INTO uploads ({UPLOAD_COLUMNS}) VALUES (?, ?, 0, 0, 0, 0, 0, '[]', ?, ?)",
        (wish.upload_id, wish.owner, now_micros, now_micros),
    )
    if wish.fingerprint:
        connection.execute(
            "INSERT INTO fingerprints VALUES (?, ?)", (wish.upload_id, wish.fingerprint)
        )
    made = _find(connection, wish.upload_id)
    return None if made is None else replace(made, fingerprint=wish.fingerprint)


def _count_made(connection: sqlite3.Connection, wish: NewUpload, today: int) -> bool:
    """Count an upload that is made today; return False, and count nothing, over the bound."""
    row = connection.execute(
        "SELECT day, uploads FROM made_uploads WHERE owner = ?", (wish.owner,)
    ).fetchone()
    # A clock that was set back goes on with the day that it has seen.
    day, made = row if row is not None and row[0] >= today else (today, 0)
    if made >= wish.per_day:
        return False
    connection.execute(
        "INSERT INTO made_uploads VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET day = excluded.day, uploads = excluded.uploads",
        (wish.owner, day, made + 1),
    )
    return True


def _fingerprint(connection: sqlite3.Connection, upload_id: str) -> bytes:
    row = connection.execute(
        "SELECT fingerprint FROM fingerprints WHERE upload_id = ?", (upload_id,)
    ).fetchone()
    return b"" if row is None else bytes(row[0])


def record_batches(
    connection: sqlite3.Connection, batches: Sequence[Batch], now_micros: int
) -> list[Recorded | None]:
    """Decide each batch in order against what came before it, then write the sum of them all."""
    uploads: dict[str, Upload | None] = {}
    recorded: list[Batch] = []
    answers: list[Recorded | None] = []
    for batch in batches:
        if batch.upload_id not in uploads:
            uploads[batch.upload_id] = _find(connection, batch.upload_id)
        upload = uploads[batch.upload_id]
        if upload is None:
            answers.append(None)
        elif batch.first_offset != upload.next_offset:
            answers.append(Recorded(upload, recorded=False))
        else:
            refusals.write(connection, upload, batch.refusals, now_micros // _DAY_MICROS)
            upload = uploads[batch.upload_id] = _advanced(upload, batch, now_micros)
            recorded.append(batch)
            answers.append(Recorded(upload, recorded=True))
    if recorded:
        recorded = [older_keys.with_stored_keys(connection, batch) for batch in recorded]
        changed = {batch.upload_id for batch in recorded}
        _write_uploads(connection, [u for u in uploads.values() if u and u.upload_id in changed])
        _write_names(connection, recorded)
        models.note(connection, {model for batch in recorded for model in batch.models})
        _upsert(connection, _merged(recorded))
    return answers


def _find(connection: sqlite3.Connection, upload_id: str) -> Upload | None:
    row = connection.execute(
        f"SELECT {UPLOAD_COLUMNS} FROM uploads WHERE upload_id = ?", (upload_id,)
    ).fetchone()
    return None if row is None else read_upload(row)


def _advanced(upload: Upload, batch: Batch, now_micros: int) -> Upload:
    return Upload(
        upload_id=upload.upload_id,
        owner=upload.owner,
        next_offset=batch.end_offset,
        applied_offset=upload.applied_offset,
        counted=upload.counted + batch.counted,
        refused=upload.refused + len(batch.refusals),
        mentions=upload.mentions + batch.mentions,
        models=tuple(sorted({*upload.models, *batch.models}))[:MODELS_LIMIT],
        create_micros=upload.create_micros,
        # A clock that was set back must not show an upload as moved before it was made.
        update_micros=max(now_micros, upload.update_micros),
    )


def _write_uploads(connection: sqlite3.Connection, uploads: Sequence[Upload]) -> None:
    connection.executemany(
        "UPDATE uploads SET next_offset = ?, counted = ?, refused = ?, mentions = ?, models = ?, "
        "update_micros = ? WHERE upload_id = ?",
        [
            (
                upload.next_offset,
                upload.counted,
                upload.refused,
                upload.mentions,
                json.dumps(upload.models),
                upload.update_micros,
                upload.upload_id,
            )
            for upload in uploads
        ],
    )


def _write_names(connection: sqlite3.Connection, batches: Sequence[Batch]) -> None:
    connection.executemany(
        "INSERT INTO publications (key, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [item for batch in batches for item in batch.names.items()],
    )


def _merged(batches: Sequence[Batch]) -> list[_PendingRow]:
    """Return the sum of the batches' tallies, in key order: neighbours share pages."""
    total = _summed(batches)
    names = _spellings(batches).get
    return [(*row, *total[row], names(row[1:])) for row in sorted(total)]


def _spellings(batches: Sequence[Batch]) -> Mapping[tuple[str, str], str]:
    if len(batches) == 1:
        return batches[0].spellings
    best: dict[tuple[str, str], str] = {}
    for batch in batches:
        for entity, name in batch.spellings.items():
            best[entity] = better(best.get(entity, ""), name)
    return best


def _summed(batches: Sequence[Batch]) -> Mapping[RowKey, tuple[int, int]]:
    if len(batches) == 1:
        return batches[0].tallies
    total: dict[RowKey, tuple[int, int]] = dict(batches[0].tallies)
    for batch in batches[1:]:
        for row, (mentions, articles) in batch.tallies.items():
            before = total.get(row)
            total[row] = (
                (mentions, articles)
                if before is None
                else (before[0] + mentions, before[1] + articles)
            )
    return total


def _upsert(connection: sqlite3.Connection, rows: Sequence[_PendingRow]) -> None:
    (last_flush,) = connection.execute("SELECT last_flush FROM meta").fetchone()
    heap = (last_flush + 1,)
    whole = len(rows) - len(rows) % _ROWS_PER_STATEMENT
    for start in range(0, whole, _ROWS_PER_STATEMENT):
        chunk = rows[start : start + _ROWS_PER_STATEMENT]
        connection.execute(
            _UPSERT_MANY,
            tuple(chain.from_iterable((*heap, *row) for row in chunk)),
        )
    connection.executemany(_UPSERT_ONE, [(*heap, *row) for row in rows[whole:]])
