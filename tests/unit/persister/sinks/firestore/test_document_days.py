"""What documents hold by day and by month, over years of flushes."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from google.cloud.firestore_v1.types import Document
from hypothesis import example, given
from hypothesis import strategies as st
from newstally_persister.sinks.firestore import sizes, writes
from newstally_persister.sinks.firestore.days import (
    DAYS_KEPT,
    MONTHS_LIMIT,
    PERIODS_LIMIT,
    held,
    increments,
    month_name,
    of_document,
    window,
)
from newstally_persister.values.parts import DayCounts, EntityRow, Part
from newstally_protos.days import FIRST_DAY, LAST_DAY

TODAY = date(2026, 11, 21)
EPOCH = date(1970, 1, 1).toordinal()
NOW = window(TODAY, DAYS_KEPT, None, first_part=True)


def number(day: date) -> int:
    return day.toordinal() - EPOCH


def apply(document: Any, write: Any) -> None:
    """Change a document as Firestore does: delete what is in the mask alone; then add."""
    for path in write.update_mask.field_paths:
        if path not in write.update.fields:
            *above, last = steps(path)
            fields: Any = document.fields
            for step in above:
                fields = fields[step].map_value.fields
            fields.pop(last, None)
    for transform in write.update_transforms:
        *above, last = steps(transform.field_path)
        fields = document.fields
        for step in above:
            fields = fields[step].map_value.fields
        fields[last].integer_value += transform.increment.integer_value


def steps(path: str) -> list[str]:
    return [step.strip("`") for step in path.split(".")]


def written(document: Any, days: tuple[DayCounts, ...], kept: Any) -> Any:
    """Apply a row to a document; return the write."""
    totals = [sum(counts[place] for counts in days) for place in (1, 2)]
    row = EntityRow("p", "x", "P", totals[0], totals[1], None, days)
    (write,) = writes.row_writes("d", Part("j", 1, 1, "", [], [row]), kept)
    apply(document, write)
    return write


# How long after the flush before, and what was published how many days before that flush.
FLUSHES = st.lists(
    st.tuples(
        st.integers(-200, 200),
        st.lists(
            st.one_of(
                st.integers(-50, 150),
                st.sampled_from([FIRST_DAY, LAST_DAY, -400, 400, 10_000]),
            ),
            min_size=1,
            max_size=5,
            unique=True,
        ),
        st.sampled_from([1, 62, 366]),
    ),
    max_size=12,
)


@given(FLUSHES)
@example([(0, [1], 62), (200, [201, 0], 62), (-100, [101], 366)])
def test_whatever_is_told_of_a_day_is_all_of_it(
    flushes: Sequence[tuple[int, list[int], int]],
) -> None:
    """With clocks set back, settings changed, months gone: no day comes back in part.

    What is dated beyond what is kept at the time counts as outside, and stays there.
    """
    document = Document.pb()()
    today, known = TODAY, None
    of_day: Counter[int] = Counter()
    of_month: Counter[int] = Counter()
    outside = 0
    for later, ages, days_kept in flushes:
        today += timedelta(days=later)
        kept = window(today, days_kept, known, first_part=True)
        assert kept.days_from is not None
        known = month_name(kept.days_from)
        numbers = sorted({age if abs(age) > 500 else number(today) - age for age in ages})
        written(document, tuple((day, 2, 1) for day in numbers), kept)
        for day in numbers:
            at = date.fromordinal(day + EPOCH)
            month = 12 * at.year + at.month - 1
            if kept.first_month <= month <= kept.last_month:
                of_month[month] += 1
                of_day[day] += 1
            else:
                outside += 1
    found = of_document(document)
    assert found.outside == (2 * outside, outside)
    for day, counts in found.days.items():
        assert counts == (2 * of_day[day], of_day[day])
    for month, counts in found.months.items():
        assert counts == (2 * of_month[month], of_month[month])
    told = sum(articles for some in (found.days, found.months) for _, articles in some.values())
    assert told == sum(of_day.values())


def test_recent_days_are_told_by_day_and_others_by_month() -> None:
    """Of a month that is kept by day, all days; of one that is not, none."""
    document = Document.pb()()
    days = (date(2010, 1, 1), date(2026, 8, 31), date(2026, 9, 1), TODAY, date(2026, 12, 31))
    written(document, tuple((number(day), 3, 1) for day in days), NOW)
    found = of_document(document)
    assert found.days == {number(day): (3, 1) for day in days[2:]}
    assert found.months == {12 * 2010: (3, 1), 12 * 2026 + 7: (3, 1)}
    assert found.outside == (0, 0)


@pytest.mark.parametrize("day", [date(2009, 12, 31), date(2027, 1, 1), date.min, date.max])
def test_what_is_too_early_or_to_come_is_outside(day: date) -> None:
    """An article of the month after next is none of the days that it would be taken for."""
    document = Document.pb()()
    written(document, ((number(day), 3, 1),), NOW)
    found = of_document(document)
    assert (found.days, found.months, found.outside) == ({}, {}, (3, 1))


def test_old_days_are_deleted_by_what_is_written_later() -> None:
    """Their month knows them; what has no days deletes none."""
    document = Document.pb()()
    written(document, ((number(TODAY), 3, 1),), NOW)
    later = window(date(2027, 3, 1), DAYS_KEPT, "2026-09", first_part=True)
    assert later.days_from == 12 * 2026 + 11
    assert later.deleted == tuple(f"days.`2026-{month:02}`" for month in (8, 9, 10, 11))
    written(document, ((number(date(2027, 3, 1)), 1, 1),), later)
    assert [*document.fields["days"].map_value.fields] == ["2027-03"]
    assert of_document(document).months == {12 * 2026 + 10: (3, 1)}
    row = EntityRow("p", "x", "P", 1, 1)
    (write,) = writes.row_writes("d", Part("j", 1, 1, "", [], [row]), later)
    assert not any(path.startswith("days") for path in write.update_mask.field_paths)


def test_other_parts_of_a_flush_do_what_the_first_one_did() -> None:
    """Or nothing by day, where the release before moved the mark."""
    first = window(TODAY, 62, "2026-10", first_part=True)
    assert first.days_from == 12 * 2026 + 9
    later = window(TODAY + timedelta(days=90), 62, "2026-10", first_part=False)
    assert later.days_from == first.days_from
    unknown = window(TODAY, 62, None, first_part=False)
    assert (unknown.days_from, unknown.deleted) == (None, ())


def test_a_write_has_a_bound() -> None:
    """With every month and every day that there can be: at most 500 transforms, and all months."""
    kept = window(TODAY, 366, None, first_part=True)
    days = tuple((day, 1, 1) for day in range(number(date(2005, 1, 1)), number(TODAY)))
    document = Document.pb()()
    write = written(document, days, kept)
    assert len(write.update_transforms) <= 500
    found = of_document(document)
    assert found.outside[1] == number(date(2010, 1, 1)) - number(date(2005, 1, 1))
    assert (
        sum(articles for _, articles in found.months.values())
        + sum(articles for _, articles in found.days.values())
        == len(days) - found.outside[1]
    )
    assert found.days, "the newest days are told"


@pytest.mark.parametrize("year", [2026, 2031, 2090])
def test_months_are_bounded_for_ever(year: int) -> None:
    """Each of them and `outside` fits into one write."""
    kept = window(date(year, 12, 31), 366, None, first_part=True)
    assert kept.last_month - kept.first_month + 1 <= MONTHS_LIMIT < PERIODS_LIMIT


def test_a_document_is_bounded() -> None:
    """An entity that is mentioned on every day for eight years: well below Firestore's mebibyte."""
    document = Document.pb()()
    known = None
    for later in range(8 * 365):
        today = TODAY + timedelta(days=later)
        kept = window(today, DAYS_KEPT, known, first_part=True)
        assert kept.days_from
        known = month_name(kept.days_from)
        written(document, ((number(today), 1, 1),), kept)
    assert len(document.fields["days"].map_value.fields) <= 4
    assert document.ByteSize() < 16 * 1024


def test_what_a_document_holds_can_be_moved() -> None:
    """All of it; where that is more than a write takes, all but the oldest days."""
    document = Document.pb()()
    days = tuple((number(TODAY) - age, 2, 1) for age in (9_000, 300, 20, 0))
    written(document, tuple(sorted(days)), NOW)
    other = Document.pb()()
    write = writes.Write()
    writes.add_days(write, held(document))
    apply(other, write)
    assert of_document(other) == of_document(document)
    for month in range(200):
        for day in range(1, 4):
            place = f"days.`{month_name(12 * 2010 + month)}`.`{day:02}`"
            writes.add_days(write, [(f"{place}.mentions", 1), (f"{place}.articles", 1)])
    apply(document, write)
    places = [path.rpartition(".")[0] for path, _ in held(document)]
    assert len(places) == 2 * PERIODS_LIMIT
    kept = sorted({place for place in places if place.startswith("days")})
    days_there = sorted(
        f"days.`{month}`.`{day}`"
        for month, of_month in document.fields["days"].map_value.fields.items()
        for day in of_month.map_value.fields
    )
    assert kept == days_there[-len(kept) :]
    months = {f"months.`{month}`" for month in document.fields["months"].map_value.fields}
    assert {*places} - {*kept} == months | {"outside"}


def test_days_weigh() -> None:
    """A row of one day, as nearly all are, shares a commit with hundreds, one of many does not."""
    row = EntityRow("the daily heliograph", "angela merkel", "PERSON", 1, 1)
    one = row._replace(days=((0, 1, 1),))
    assert 450 * sizes.row_bytes(one) < sizes.PART_LIMIT_BYTES
    many = row._replace(days=tuple((day, 1, 1) for day in range(100)))
    assert sizes.row_bytes(many) > sizes.row_bytes(one) + 99 * len(increments(one.days, NOW)) * 30
