"""What a part writes: as the client would write it, and always small enough to be sent."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import DELETE_FIELD, AsyncClient, Increment, Maximum
from google.cloud.firestore_v1.types import Document
from google.cloud.firestore_v1.types import firestore as firestore_types
from google.cloud.firestore_v1.types import write as write_types
from google.protobuf.timestamp_pb2 import Timestamp
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes
from newstally_persister.sinks.base import PartRefusedError
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import of_emulator
from newstally_persister.sinks.firestore.commit import Commit
from newstally_persister.sinks.firestore.days import window
from newstally_persister.sinks.firestore.sizes import (
    COMMIT_LIMIT_BYTES,
    PART_LIMIT_BYTES,
    row_bytes,
)
from newstally_persister.values.batches import read_batch
from newstally_persister.values.parts import EntityRow, Part, PartLimits, PublicationRow
from newstally_persister.values.uploads import NewUpload
from newstally_protos.v1 import journal_pb2, tally_pb2
from unit.persister.building import database

DOCUMENTS = "projects/p/databases/(default)/documents"
LONGEST_NAMES = f"projects/{'p' * 30}/databases/{'d' * 63}/documents"
JOURNAL = "a" * 32
KEPT = window(date(2026, 11, 21), 62, None, first_part=True)
DAY = date(2026, 11, 21).toordinal() - date(1970, 1, 1).toordinal()


def part(publications: list[PublicationRow], entities: list[EntityRow]) -> Part:
    return Part(JOURNAL, 1, 1, "f" * 64, publications, entities)


def test_writes_are_what_the_client_would_write() -> None:
    """The messages that are built directly are those of Google's own batch."""
    client = AsyncClient(project="p", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    seen = Document.pb()(update_time=Timestamp(seconds=7, nanos=8))
    unchanged = client.write_option(last_update_time=seen.update_time)
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    batch = client.batch()
    publication = client.collection("publications").document("a%2Fb")
    counts = {"mentions": Increment(7), "articles": Increment(3)}
    one = {"mentions": Increment(2), "articles": Increment(1)}
    by_day = {
        "days": {
            "2026-11": {"21": one},
            **dict.fromkeys(("2026-05", "2026-06", "2026-07", "2026-08"), DELETE_FIELD),
        },
        "months": {"2026-11": one, "2026-03": counts},
        "outside": one,
    }
    batch.set(publication, {"name": "A/B", "key": "a/b", **counts}, merge=True)
    batch.set(
        publication.collection("entities").document("angela merkel|PERSON"),
        {
            "text": "angela merkel",
            "label": "PERSON",
            "key": "angela merkel",
            "mentions": Increment(5),
            "articles": Increment(2),
            **by_day,
        },
        merge=True,
    )
    receipt = client.collection("flushes").document("j-1-1")
    batch.create(receipt, {"digest": "d"})
    batch.set(receipt, {"expire_at": at}, merge=True)
    mark = client.collection("journals").document("j")
    batch.create(mark, {"started": 1, "completed": 0, "days_from": "2026-09"})
    batch.update(mark, {"started": 2, "days_from": "2026-09"}, option=unchanged)
    batch.update(mark, {"completed": Maximum(2)})
    days = ((-1, 2, 1), (DAY - 250, 7, 3), (DAY, 2, 1))
    rows = part(
        [PublicationRow("a/b", "A/B", 7, 3)],
        [EntityRow("a/b", "angela merkel", "PERSON", 5, 2, None, days)],
    )
    built = [
        *writes.row_writes(DOCUMENTS, rows, KEPT),
        writes.receipt(f"{DOCUMENTS}/flushes/j-1-1", "d"),
        writes.receipt_expiry(f"{DOCUMENTS}/flushes/j-1-1", at),
        writes.mark_started(f"{DOCUMENTS}/journals/j", 1, None, KEPT),
        writes.mark_started(f"{DOCUMENTS}/journals/j", 2, seen, KEPT),
        writes.mark_completed(f"{DOCUMENTS}/journals/j", 2),
    ]
    expected = [write_types.Write.pb(write) for write in batch._write_pbs]
    assert [canonical(write) for write in built] == [canonical(write) for write in expected]


def test_a_name_is_written_where_it_is_known() -> None:
    """Where it is not, the one that is there stays."""
    named = EntityRow("p", "nato", "ORG", 1, 1, "NATO")
    write, other = writes.row_writes(DOCUMENTS, part([], [named, named._replace(name=None)]), KEPT)
    assert write.update.fields["name"].string_value == "NATO"
    assert set(write.update_mask.field_paths) == {"text", "label", "key", "name"}
    assert set(other.update_mask.field_paths) == {"text", "label", "key"}


def canonical(write: Any) -> Any:
    """Return the write with what has no order in order."""
    copy = type(write)()
    copy.CopyFrom(write)
    masks = sorted(copy.update_mask.field_paths)
    del copy.update_mask.field_paths[:]
    copy.update_mask.field_paths.extend(masks)
    copy.update_transforms.sort(key=lambda transform: transform.field_path)
    return copy


@pytest.mark.parametrize("limit", [1_000, writes.WRITES_LIMIT])
@pytest.mark.parametrize("character", ["/", "日", "ΐ"])
@pytest.mark.parametrize("lengths", [(4_096, 4_096), (4_096, 1), (300, 200), (1, 1)])
def test_every_planned_part_fits_into_a_commit(
    limit: int, character: str, lengths: tuple[int, int]
) -> None:
    """The worst texts: all escaped, long ones in names, short ones in number."""
    rows = planned(character, *lengths, writes.part_limits(limit))
    assert rows.rows > 1
    request = firestore_types.CommitRequest.pb()(
        database=LONGEST_NAMES, writes=writes.row_writes(LONGEST_NAMES, rows, KEPT)
    )
    changed = sum(map(row_bytes, rows.publications)) + sum(map(row_bytes, rows.entities))
    assert request.ByteSize() <= changed <= PART_LIMIT_BYTES < COMMIT_LIMIT_BYTES


def planned(character: str, name_bytes: int, text_bytes: int, limits: PartLimits) -> Part:
    """Return the first part of a journal that is full of such texts."""
    store = JournalStore(database())
    store.create_uploads([NewUpload("u", "anonymous")], 1)
    name = filled(character, name_bytes)
    smallest = limits.weigh(EntityRow(name, filled(character, text_bytes - 6), "P", 1, 1))
    wanted = min(limits.rows, 2 * limits.size_bytes // smallest)
    for offset in range(wanted // 500 + 1):
        request = journal_pb2.RecordBatchRequest(
            upload_id="u", first_offset=offset, end_offset=offset + 1
        )
        request.publications.add(
            publication=name,
            articles=1,
            entity_tallies=[
                tally_pb2.EntityTally(
                    text=f"{filled(character, text_bytes - 6)}{offset}-{number}",
                    label="/" * 64,
                    mentions=2**30,
                    articles=1,
                )
                for number in range(500)
            ],
        )
        store.record_batches([read_batch(request)], 1)
    flush = store.run(flushes.cut)
    assert flush
    found = store.run(flushes.plan_part, flush, limits)
    assert found
    return found


def filled(character: str, size: int) -> str:
    return character * max(1, size // len(character.encode()))


async def test_a_commit_that_is_too_large_is_not_sent() -> None:
    """So it was not applied: it is refused here, to be planned anew."""
    huge = [EntityRow("p", "x" * 4_000, "P", 1, 1)] * 2_600
    client = of_emulator("127.0.0.1:1", "projects/p/databases/(default)")
    commit = Commit(client, writes.row_writes(DOCUMENTS, part([], huge), KEPT))
    with pytest.raises(PartRefusedError, match="more than Firestore takes"):
        await commit.send(1)
    await client.close()
