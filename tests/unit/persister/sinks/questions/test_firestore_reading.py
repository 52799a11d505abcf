"""What is read of documents for a question: each is billed."""

from typing import Any

import pytest
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import fields
from newstally_persister.sinks.questions.firestore_reading import Reading
from newstally_persister.values.parts import EntityRow, PublicationRow
from support.firestore_memory import MemoryFirestore


@pytest.mark.parametrize("text", ["us", ".", "__x__", "a/b|c", "é" * 500])
async def test_a_text_without_a_label_costs_its_own_documents(text: str) -> None:
    """One for each of its labels, and none of the many that begin like it."""
    memory: Any = MemoryFirestore()
    root = memory.documents
    others = [text + more for more in (" ", "|", "!", "x", "é", "}", "\x7f", "|x", "%~")]
    rows = [EntityRow("p", text, label, 1, 1) for label in ("GPE", "a|b", "é")]
    rows += [EntityRow("p", other, "GPE", 1, 1) for other in [*others, text[:-1] or "y"]]
    made = [writes.entity_write(root, row) for row in rows]
    await memory.commit([writes.publication_write(root, PublicationRow("p", "P", 1, 1)), *made], 1)
    reading = Reading(memory, 1.0)
    publication = await reading.publication("p")
    before = reading.reads
    found = await reading.named(publication, text, "")
    assert {fields(each)["text"] for each in found} == {text}
    assert len(found) == reading.reads - before == 3
