"""The stages of a migration. Each commit may be the last one: the next run goes on from the note.

    begin ──▶ clearing ──▶ copying ──▶ switched ──▶ deleting ──▶ end
                   ▲           │           │            ▲
                   └─ somebody wrote ──────┘            └── given up, before the switch

Before the switch the old layout is in force, after it the new one; meanwhile a persister of this
release starts with neither. One of an older release, or that runs on another machine, is noticed by
its marks and receipts: see `quiet`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from newstally_persister.maintenance.firestore_emptying import below
from newstally_persister.maintenance.migration import quiet
from newstally_persister.maintenance.migration.copying import Copy
from newstally_persister.maintenance.migration.note import Layout, Note
from newstally_persister.maintenance.migration.scratch import Scratch
from newstally_persister.maintenance.migration.steps import Steps, WrittenMeanwhileError
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import fields
from newstally_persister.sinks.firestore.compact.folding import LIMITS, FoldLimits
from newstally_persister.sinks.firestore.days import month_name, window
from newstally_persister.sinks.firestore.layout import MARKS

SCRATCH = "migration.db"
"""The file in the data directory that rows are sorted in."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants, and says."""

    to: Layout
    journal_id: str | None
    """Of the data directory that is held."""
    days_kept: int
    drop_days: bool
    """Documents may lose on which days of a month articles were published."""
    others_stopped: bool
    """The persisters of other journals do not run either."""


async def migrate(
    steps: Steps,
    wish: Wish,
    directory: Path,
    say: Callable[[str], None],
    limits: FoldLimits = LIMITS,
) -> bool:
    """Lead a database to a layout; return False where it has it already.

    Raises PermanentSinkError with what to do, SinkError, OSError and sqlite3.Error: say it again.
    """
    note = await wanted(steps, wish)
    if note is None:
        return False
    if steps.under_way is None:
        say(f"from the layout `{note.layout}` to `{note.to}`")
    elif note.to != steps.note.to:
        say("the change that was begun is given up")
    if note != steps.under_way:
        await steps.commit([], note)
    await _go_on(steps, directory, say, limits)
    return True


async def wanted(steps: Steps, wish: Wish) -> Note | None:
    """Return the note that a migration begins, or goes on, with; nothing is written.

    None where the database has the layout already. Raises PermanentSinkError with what to do.
    """
    layout, at = await steps.look()
    if steps.under_way is None:
        layout = layout or "documents"
        return None if layout == wish.to else await _first(steps, wish, layout, at.date())
    note = steps.note
    if note.to == wish.to:
        return note
    if note.layout == wish.to:
        return replace(note, to=wish.to, stage="deleting")
    raise PermanentSinkError(
        f"the change to the layout `{note.to}` is not done",
        f"say it again with --firestore-layout {note.to} first",
    )


async def _first(steps: Steps, wish: Wish, layout: Layout, today: date) -> Note:
    """Return the note to begin with. Raises PermanentSinkError where something forbids it."""
    found = await quiet.look(steps, layout)
    beside = await quiet.look(steps, wish.to)
    if beside.marks:
        raise PermanentSinkError(
            f"the database has the layout `{layout}`, and a persister with another journal wrote"
            f" documents of the layout `{wish.to}` beside ({', '.join(beside.told)})",
            "stop it; delete its marks, in the collection `journals`, to give up what it wrote",
        )
    others = sorted(found.told.keys() - {wish.journal_id})
    if others and not wish.others_stopped:
        raise PermanentSinkError(
            f"other journals wrote to this database, too: {', '.join(others)}",
            "stop their persisters, and say --others-stopped",
        )
    if wish.to == "documents" and not wish.drop_days:
        raise PermanentSinkError(
            "documents keep by day what --days-kept says, and what is older by month",
            "say --drop-days to lose on which days older articles were published",
        )
    known = max((_days_from(mark) for mark in found.marks), default="") or None
    kept = window(today, wish.days_kept, known, first_part=True)
    return Note(
        layout=layout,
        to=wish.to,
        stage="clearing",
        today=today.isoformat(),
        days_from=month_name(kept.days_from or kept.first_month),
        marks=found.told,
        receipts=found.receipts,
    )


async def _go_on(
    steps: Steps, directory: Path, say: Callable[[str], None], limits: FoldLimits
) -> None:
    while (note := steps.under_way) is not None:
        match note.stage:
            case "clearing":
                await _delete(steps, note.to)
                await steps.commit([], replace(steps.note, stage="copying"))
            case "copying":
                scratch = Scratch(directory / SCRATCH)
                try:
                    await Copy(steps, note, scratch, say, limits).run()
                finally:
                    scratch.close()
                await _switch(steps, note.source, steps.note)
            case "switched":
                await _check(steps)
                await steps.commit([], replace(note, stage="deleting"))
            case "deleting":
                await _delete(steps, other(note.layout))
                await steps.end()


async def _switch(steps: Steps, source: Layout, note: Note) -> None:
    """Let the copy be in force, in one commit, if it is a copy of what is there."""
    found = await quiet.look(steps, source)
    if (found.told, found.receipts) != (note.marks, note.receipts):
        await _again(steps, note, found)
    try:
        await _put_in_force(steps, found.marks, replace(note, layout=note.to, stage="switched"))
    except WrittenMeanwhileError:
        await _again(steps, note, await quiet.look(steps, source))


async def _check(steps: Steps) -> None:
    """Look for a part that was written in the very moment of the switch; take that back then."""
    note = steps.note
    source = note.source
    receipts = await quiet.receipts_of(steps, source, note.marks)
    if receipts == note.receipts:
        return
    found = await quiet.look(steps, note.to)
    if found.told == note.marks:
        back = replace(note, layout=source, stage="clearing")
        await _put_in_force(steps, found.marks, back)
        await _again(steps, steps.note, await quiet.look(steps, source))
    raise PermanentSinkError(
        f"a part was written to the layout `{source}` in the moment of the change, and is missing"
        f" from `{note.to}`",
        "nothing was deleted: compare the receipts in the collections `flushes` of both",
    )


async def _again(steps: Steps, note: Note, found: quiet.Writers) -> None:
    """Begin anew, because somebody wrote meanwhile: what was copied may lack it."""
    moved = sorted(
        journal
        for journal in found.told.keys() | note.marks.keys()
        if found.told.get(journal) != note.marks.get(journal)
    )
    anew = replace(
        note,
        stage="clearing",
        marks=found.told,
        receipts=found.receipts,
        publication="",
        place="",
    )
    await steps.commit([], anew)
    raise PermanentSinkError(
        "a persister wrote to the database meanwhile"
        + (f", with the journal {', '.join(moved)}" if moved else ""),
        "stop it, and say the command again: it copies anew",
    )


async def _put_in_force(steps: Steps, marks: Sequence[Any], note: Note) -> None:
    """Move the marks to the layout that is in force from now on, in one commit."""
    made = []
    for mark in marks:
        write = writes.Write()
        root = f"{steps.documents}{quiet.root(note.layout)}"
        write.update.name = f"{root}/{MARKS}/{quiet.journal_of(mark)}"
        for field, value in mark.fields.items():
            write.update.fields[field].CopyFrom(value)
        if note.layout == "documents":
            write.update.fields["days_from"].string_value = note.days_from
        write.current_document.exists = False
        made += [write, writes.deleted(mark)]
    await steps.commit(made, note)


async def _delete(steps: Steps, layout: Layout) -> None:
    """Delete everything of a layout."""
    async for names in below(steps.names, f"{steps.documents}{quiet.root(layout)}", layout):
        note = steps.note
        await steps.commit_all([(writes.Write(delete=name), note) for name in names])


def _days_from(mark: Any) -> str:
    return str(fields(mark).get("days_from", ""))


def other(layout: Layout) -> Layout:
    """Return the layout that is not this one."""
    return "compact" if layout == "documents" else "documents"
