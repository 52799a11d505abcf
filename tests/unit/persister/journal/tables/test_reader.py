"""What can be looked up in a journal."""

from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables.reader import JournalReader
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import database


def test_uploads_made_at_once_are_paged_by_id() -> None:
    """Every upload is listed once, whatever the pages, those made last first."""
    connection = database()
    for number, micros in enumerate((1, 2, 2, 2, 3)):
        wishes = [NewUpload(f"u{number}", "o"), NewUpload(f"x{number}", "p")]
        JournalStore(connection).create_uploads(wishes, micros)
    reader = JournalReader(connection)
    for limit in (1, 2, 9):
        seen: list[str] = []
        after = None
        while page := reader.list_uploads("o", after, limit):
            seen += [upload.upload_id for upload in page]
            after = (page[-1].create_micros, page[-1].upload_id)
        assert seen == ["u4", "u1", "u2", "u3", "u0"]


def test_a_list_of_uploads_reads_no_more_than_its_page() -> None:
    """They are kept for ever, so an index leads there, and nothing is sorted."""
    connection = database()
    JournalStore(connection).create_uploads([NewUpload("u", "o")], 1)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    JournalReader(connection).list_uploads("o", (5, "u"), 3)
    connection.set_trace_callback(None)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statements[-1]}").fetchall()
    assert "uploads_made (owner=? AND create_micros<?)" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
