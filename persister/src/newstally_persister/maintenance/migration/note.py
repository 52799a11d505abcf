"""What a migration has done so far: a note in the document that says which layout a database has.

    newstally/compact  {layout, version, migration: {to, stage, step, writer, today, days_from,
                                                     marks, receipts, publication, place}}

`layout` is the one in force. Every commit of a migration moves the note and demands that it is as
it was read. So a commit that arrives late, or of another command, fails, and after one without an
answer the note tells whether it was applied.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from newstally_persister.sinks.firestore.compact.head import VERSION
from newstally_persister.sinks.firestore.layout import MIGRATION, layout_of
from newstally_persister.sinks.firestore.writes import Write

Layout = Literal["documents", "compact"]
Stage = Literal["clearing", "copying", "switched", "deleting"]
END = "~"
"""The place behind everything of a publication."""


@dataclass(frozen=True, slots=True)
class Note:
    """How far a migration is."""

    layout: Layout
    """The layout in force."""
    to: Layout
    stage: Stage
    """`clearing`: what stands in the place of the copy goes. `copying`. `switched`: the copy is in
    force. `deleting`: what is not in force goes."""
    today: str
    """The day of its begin by Firestore's clock: a copy is a function of it, and of what it is a
    copy of."""
    days_from: str
    """The first month that documents keep by day."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """`started/completed` by journal, before anything was read."""
    receipts: str = ""
    """What tells the receipts of the flushes that were open then from any others."""
    publication: str = ""
    """Id of the publication that is being copied."""
    place: str = ""
    """How far it is copied."""
    step: int = 0
    writer: str = ""

    @property
    def source(self) -> Layout:
        """Which layout is copied."""
        return "documents" if self.to == "compact" else "compact"


_TEXTS = [each.name for each in fields(Note) if each.name not in ("layout", "marks", "step")]


def read_note(document: Any) -> Note | None:
    """Return the note in its document; None: nothing is under way."""
    if document is None or MIGRATION not in document.fields:
        return None
    held = document.fields[MIGRATION].map_value.fields
    return Note(
        layout=layout_of(document),
        marks={
            journal: value.string_value for journal, value in held["marks"].map_value.fields.items()
        },
        step=held["step"].integer_value,
        **{name: held[name].string_value for name in _TEXTS},
    )


def note_write(name: str, note: Note | None, layout: Layout, seen: Any) -> Any:
    """Return the write of a note, or of its end, if its document is as it was seen.

    Without a note there is no document where `documents` is in force.
    """
    write = Write()
    if note is None and layout == "documents":
        write.delete = name
    else:
        write.update.name = name
        write.update.fields["layout"].string_value = layout
        write.update.fields["version"].integer_value = VERSION
        if note is not None:
            _fill(write.update.fields[MIGRATION].map_value.fields, note)
    if seen is None:
        write.current_document.exists = False
    else:
        write.current_document.update_time.CopyFrom(seen.update_time)
    return write


def _fill(held: Any, note: Note) -> None:
    for name in _TEXTS:
        held[name].string_value = getattr(note, name)
    held["step"].integer_value = note.step
    held["marks"].map_value.SetInParent()
    for journal, mark in note.marks.items():
        held["marks"].map_value.fields[journal].string_value = mark
