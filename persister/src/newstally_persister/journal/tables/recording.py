"""Uploads and batches: what is recorded. Each function runs in its caller's transaction."""

import json
import sqlite3
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from newstally_protos.spellings import BETTER_SQL, better

from newstally_persister.journal.tables import days, models, older_keys, owned, refusals
from newstally_persister.journal.tables.owned import UPLOAD_COLUMNS
from newstally_persister.sqlite.upserts import Upsert
from newstally_persister.values import daily
from newstally_persister.values.batches import MODELS_LIMIT, Batch, Tallies, summed
from newstally_persister.values.uploads import NewUpload, Recorded, Upload

_DAY_MICROS = 86_400_000_000
_COLUMNS = ("flush", "publication_key", "text", "label", "mentions", "articles", "name")
_DAY_COLUMNS = ("day_mentions", "day_articles")
_ADD = (
    "DO UPDATE SET mentions = mentions + excluded.mentions, "
    "articles = articles + excluded.articles, "
    f"name = {BETTER_SQL.format(old='name', new='excluded.name')}"
)
_ADD_DAY = "".join(
    f", {column} = ifnull({column}, 0) + excluded.{column}" for column in _DAY_COLUMNS
)
_UNDATED = Upsert("pending", _COLUMNS, _ADD)
_DATED = Upsert("pending", (*_COLUMNS, *_DAY_COLUMNS), _ADD + _ADD_DAY)


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
    stored = owned.find_or_name(connection, wish.upload_id, wish.owner)
    if isinstance(stored, Upload):
        return replace(stored, fingerprint=_fingerprint(connection, stored.upload_id))
    if not _count_made(connection, wish, now_micros // _DAY_MICROS):
        return None
    connection.execute(
        f"INSERT INTO uploads ({UPLOAD_COLUMNS}) VALUES (?, ?, 0, 0, 0, 0, 0, '[]', ?, ?)",
        (stored, wish.owner, now_micros, now_micros),
    )
    if wish.fingerprint:
        connection.execute("INSERT INTO fingerprints VALUES (?, ?)", (stored, wish.fingerprint))
    made = owned.find_stored(connection, stored)
    return None if made is None else replace(made, fingerprint=wish.fingerprint)


def _count_made(connection: sqlite3.Connection, wish: NewUpload, today: int) -> bool:
    """Count an upload that is made today; return False, and count nothing, over the bound."""
    row = connection.execute(
        "SELECT day, uploads FROM made_uploads WHERE owner = ?", (wish.owner,)
    ).fetchone()
    day, made = daily.so_far(row, today)
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
    highest: dict[str, int] = {}
    brought: set[str] = set()
    for batch in batches:
        if batch.upload_id not in uploads:
            uploads[batch.upload_id] = owned.find_stored(connection, batch.upload_id)
        upload = uploads[batch.upload_id]
        if upload is None or upload.owner != batch.owner:
            answers.append(None)
        elif not _may_add(connection, batch, highest):
            answers.append(Recorded(upload, recorded=False, fenced=True))
        elif batch.first_offset != upload.next_offset:
            answers.append(Recorded(upload, recorded=False))
        elif not _may_bring(connection, batch, brought, now_micros // _DAY_MICROS):
            answers.append(Recorded(upload, recorded=False, over_limit=True))
        else:
            refusals.write(connection, upload, batch.refusals, now_micros // _DAY_MICROS)
            upload = uploads[batch.upload_id] = _advanced(upload, batch, now_micros)
            recorded.append(batch)
            brought.update(batch.names)
            answers.append(Recorded(upload, recorded=True))
    if recorded:
        recorded = [older_keys.with_stored_keys(connection, batch) for batch in recorded]
        changed = {batch.upload_id for batch in recorded}
        _write_uploads(connection, [u for u in uploads.values() if u and u.upload_id in changed])
        _write_names(connection, recorded)
        models.note(connection, {model for batch in recorded for model in batch.models})
        _write_tallies(connection, recorded)
    return answers


def _may_bring(connection: sqlite3.Connection, batch: Batch, brought: Set[str], today: int) -> bool:
    """Whether its owner may bring the batch's new publications; count them.

    It may if it had any left, however many they are: else a batch of many would never be recorded.
    `brought`: what batches of the same group have brought, which is not written yet.
    """
    if batch.publications_per_day is None:
        return True
    new = sum(not older_keys.is_known(connection, key) for key in batch.names if key not in brought)
    if not new:
        return True
    row = connection.execute(
        "SELECT day, publications FROM made_publications WHERE owner = ?", (batch.owner,)
    ).fetchone()
    day, so_far = daily.so_far(row, today)
    if so_far >= batch.publications_per_day:
        return False
    connection.execute(
        "INSERT INTO made_publications VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET day = excluded.day, publications = excluded.publications",
        (batch.owner, day, so_far + new),
    )
    return True


def _may_add(connection: sqlite3.Connection, batch: Batch, highest: dict[str, int]) -> bool:
    """Whether no later stream has taken the upload over. If this is one, it does.

    `highest`: the tokens that were looked up.
    """
    if not batch.token:
        return True
    known = highest.get(batch.upload_id)
    if known is None:
        known = owned.highest_token(connection, batch.upload_id)
    if batch.token > known:
        owned.note_token(connection, batch.upload_id, batch.token)
    highest[batch.upload_id] = max(known, batch.token)
    return batch.token >= known


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


def _write_tallies(connection: sqlite3.Connection, batches: Sequence[Batch]) -> None:
    """Add the sum of the batches to the heap, in key order: neighbours share pages."""
    (last_flush,) = connection.execute("SELECT last_flush FROM meta").fetchone()
    heap = last_flush + 1
    total = summed([batch.tallies for batch in batches])
    names = _spellings(batches).get
    usual = _write_days(connection, heap, batches)
    if not usual:
        rows = [(heap, *row, *total[row], names(row[1:])) for row in sorted(total)]
        _UNDATED.run(connection, rows)
        return
    none = (0, 0)
    _DATED.run(
        connection,
        [(heap, *row, *total[row], names(row[1:]), *usual.get(row, none)) for row in sorted(total)],
    )


def _write_days(connection: sqlite3.Connection, heap: int, batches: Sequence[Batch]) -> Tallies:
    """Add what was published on unusual days to the heap; return what was on the usual one."""
    of_day: dict[int, list[Tallies]] = {}
    for batch in batches:
        for day, tallies in batch.days.items():
            of_day.setdefault(day, []).append(tallies)
    if not of_day:
        return {}
    by_day = {day: summed(some) for day, some in of_day.items()}
    usual = by_day.pop(days.usual_for(connection, heap, by_day), {})
    days.add(connection, heap, by_day)
    return usual


def _spellings(batches: Sequence[Batch]) -> Mapping[tuple[str, str], str]:
    if len(batches) == 1:
        return batches[0].spellings
    best: dict[tuple[str, str], str] = {}
    for batch in batches:
        for entity, name in batch.spellings.items():
            best[entity] = better(best.get(entity, ""), name)
    return best
