"""What keeps answers from being read is told, once."""

from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.lists import Lists
from newstally_persister.sinks.questions.asked import Days
from newstally_persister.sinks.questions.firestore import FirestoreQuestions
from newstally_persister.values.parts import PublicationRow
from structlog.testing import capture_logs
from support.firestore_memory import MemoryFirestore
from unit.persister.building import EVERYTHING, metrics


@pytest.mark.parametrize("what", ["list", "question"])
async def test_a_missing_index_is_told_once(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until something changes: it works, and then it does not again."""
    memory: Any = MemoryFirestore()
    await memory.commit(
        [writes.publication_write(memory.documents, PublicationRow("p", "P", 1, 1))], 1.0
    )

    async def connect() -> Any:
        return memory

    def missing(*_: Any) -> Any:
        raise FailedPrecondition("The query requires an index.")  # type: ignore[no-untyped-call]

    connection = Connection(connect)
    lists, questions = Lists(connection, 1.0), FirestoreQuestions(connection, metrics())

    async def ask() -> None:
        if what == "list":
            await lists.entities("p", "", EVERYTHING, None)
        else:
            await questions.rank("p", Days(), "", EVERYTHING, None)

    for _ in range(2):
        with capture_logs() as logs:
            with monkeypatch.context() as patched:
                patched.setattr(memory, "found", missing)
                patched.setattr(memory, "query", missing)
                for _ in range(3):
                    with pytest.raises(PermanentSinkError):
                        await ask()
            await ask()
        (line,) = logs
        assert line["event"] == "tallies cannot be read"
        assert "firestore/" in line["remedy"]
