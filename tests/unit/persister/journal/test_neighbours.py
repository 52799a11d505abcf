"""Other programs that look into the journal's file, or write it."""

import asyncio
import sqlite3
from pathlib import Path

from newstally_persister.journal.tables import flushes, schema
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import batch
from unit.persister.journal.test_writer import Bench


async def test_whoever_reads_the_file_stalls_nothing(tmp_path: Path) -> None:
    """Another program reads for as long as it likes: batches are answered all the same."""
    bench = Bench(tmp_path)
    bench.writer.start()
    await bench.writer.create_upload(NewUpload("u", "anonymous"))
    reader = sqlite3.connect(bench.journal.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM uploads").fetchall()
    # The write-ahead log is now longer than what it is cut back to, and the reader holds it.
    rows = [(f"{n} {'x' * 900}", "P") for n in range(12_000)]
    await bench.writer.record(batch("u", 0, [("Post", rows)]))
    async with asyncio.timeout(120):  # whoever waits for the reader has five minutes of patience
        for offset in range(1, 21):
            await bench.writer.record(batch("u", offset, [("Post", [])]))
    log = schema.log_path(bench.journal.path)
    assert log.stat().st_size > schema.WAL_KEPT_BYTES
    reader.close()
    await bench.writer.record(batch("u", 21, [("Post", [])]))
    await bench.writer.run(flushes.position)  # taken after the batch was measured
    assert log.stat().st_size <= schema.WAL_KEPT_BYTES
    await bench.close()


async def test_whoever_writes_the_file_is_waited_for(tmp_path: Path) -> None:
    """A VACUUM by hand, say: intake goes on after it, and the process does not end."""
    bench = Bench(tmp_path)
    bench.writer.start()
    await bench.writer.create_upload(NewUpload("u", "anonymous"))
    patience = bench.journal.connection.execute("PRAGMA busy_timeout").fetchone()[0]
    assert patience >= 300_000
    other = sqlite3.connect(bench.journal.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    recording = asyncio.create_task(bench.writer.record(batch("u", 0, [("Post", [])])))
    done, _ = await asyncio.wait([recording], timeout=0.2)
    assert not done
    other.execute("COMMIT")
    other.close()
    assert await recording
    assert bench.fatal == []
    await bench.close()
