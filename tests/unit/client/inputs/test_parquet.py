"""Parquet as an input."""

import importlib
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from newstally import Article, InputError
from newstally.inputs import PIPE, Columns, Source, survey


def write(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_columns_of_all_kinds_are_read(tmp_path: Path) -> None:
    """Dictionaries, large strings, bytes, whole numbers as ids, times; other columns do no harm."""
    path = write(
        tmp_path / "a.parquet",
        {
            "Source": pa.array(["P", "P", None]).dictionary_encode(),
            "text": pa.array(["x", "ä", "z"], pa.large_string()),
            "id": pa.array([1, 2, None], pa.int64()),
            "date": pa.array([datetime(2026, 4, 6, tzinfo=UTC)] * 3, pa.timestamp("us", "UTC")),
            "score": [0.5, None, 1.0],
        },
    )
    day = datetime(2026, 4, 6, tzinfo=UTC)
    records = list(Source([path], Columns()).records())
    assert [record.article for record in records] == [
        *(Article("P", "x", "1", day), Article("P", "ä", "2", day), Article("", "z", "", day)),
    ]
    assert [record.line for record in records] == [1, 2, 3]


def test_the_same_articles_are_the_same_input(tmp_path: Path) -> None:
    """Whatever the name says, and through a pipe."""
    columns = {"publication": ["P"] * 500, "content": [f"x {n}" for n in range(500)]}
    path = write(tmp_path / "a.parquet", columns)
    renamed = write(tmp_path / "a.csv", columns)
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(f'{{"source": "P", "text": "x {n}"}}\n' for n in range(500)))
    with path.open("rb") as pipe:
        sources = [Source([each], Columns()) for each in (path, renamed, lines)]
        sources.append(Source([PIPE], Columns(), piped=pipe))
        ids = {survey(source).fingerprint.upload_id for source in sources}
    assert len(ids) == 1


def test_what_is_no_text_is_malformed(tmp_path: Path) -> None:
    """With its row; the rest goes on."""
    path = write(
        tmp_path / "a.parquet",
        {"publication": ["P", "P"], "content": [b"good", b"\xff\xfe"]},
    )
    good, bad = Source([path], Columns()).records()
    assert (good.problem, bad.line) == ("", 2)
    assert bad.problem.startswith("content is no string")
    assert '"publication": "P"' in bad.raw


def test_what_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns, the rest of the file, pyarrow: with the remedy."""
    path = write(tmp_path / "a.parquet", {"headline": ["x"]})
    with pytest.raises(InputError, match=r"a\.parquet: no column content .*there are: headline"):
        list(Source([path], Columns()).records())
    columns = {"publication": ["P"] * 9999, "content": [f"x{n}" for n in range(9999)]}
    data = write(path, columns).read_bytes()
    for broken in (data[:-100], data[:2000] + b"\xff" * 200 + data[2200:]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"a\.parquet: .*truncated or damaged"):
            list(Source([path], Columns()).records())
    monkeypatch.setattr(importlib, "import_module", _missing)
    with pytest.raises(InputError, match="Parquet needs pyarrow, which is not installed"):
        list(Source([path], Columns()).records())


def _missing(name: str) -> None:
    raise ImportError(name)


def times(path: Path, numbers: list[int | None], kind: Any) -> list[datetime | str | None]:
    """Return what becomes of such times, or what is wrong with them."""
    stored = pa.array(numbers, pa.int32() if kind == pa.date32() else pa.int64()).view(kind)
    many = len(numbers)
    write(path, {"source": ["P"] * many, "text": ["x"] * many, "date": stored})
    records = list(Source([path], Columns()).records())
    assert [record.problem for record in records] == [""] * many
    return [record.article.publish_time or record.time_problem for record in records]


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (pa.timestamp("us"), 2**62),
        (pa.timestamp("us"), -(2**62)),
        (pa.timestamp("us", "UTC"), 253_402_300_800_000_000),
        (pa.timestamp("ms"), 2**62),
        (pa.timestamp("s"), 2**40),
        (pa.date32(), 2**30),
        (pa.date32(), -(2**31)),
    ],
)
def test_what_can_be_no_time_is_told_and_counted(tmp_path: Path, kind: Any, number: int) -> None:
    """As in a row of CSV: the article is one without a time, and the rest goes on."""
    bad, nothing, good = times(tmp_path / "a.parquet", [number, None, 0], kind)
    assert isinstance(bad, str)
    assert bad.endswith("from 1970-01-01' is no date that can be read")
    assert (nothing, good) == ("no time", datetime(1970, 1, 1, tzinfo=UTC))


def test_the_end_of_time_is_a_time(tmp_path: Path) -> None:
    """The last and the first microsecond of the calendar."""
    last = 253_402_300_799_999_999
    assert times(tmp_path / "a.parquet", [last, -62_135_596_800_000_000], pa.timestamp("us")) == [
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
    ]


def test_nanoseconds_are_left_out(tmp_path: Path) -> None:
    """Rounded down, and without pandas."""
    found = times(tmp_path / "a.parquet", [1_999, -1], pa.timestamp("ns"))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert found == [epoch + timedelta(microseconds=1), epoch - timedelta(microseconds=1)]
    assert {type(time) for time in found} == {datetime}


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York", "+02:00", "Mars/Olympus"])
def test_times_are_read_whatever_the_zone(tmp_path: Path, zone: str | None) -> None:
    """Arrow counts in UTC: the rules of the zone are not needed."""
    kind = pa.timestamp("ms", zone)
    assert times(tmp_path / "a.parquet", [1_500], kind) == [
        datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    ]


def test_a_double_column_is_refused(tmp_path: Path) -> None:
    """As in CSV: which is meant nobody knows. One that is not read does no harm."""
    path = tmp_path / "a.parquet"
    columns = [pa.array([text]) for text in ("P", "x", "y", "1", "2")]
    names = ["source", "text", "text", "score", "score"]
    pq.write_table(pa.Table.from_arrays(columns, names=names), path)
    with pytest.raises(
        InputError, match=r"a\.parquet: the column text is there 2 times, and which"
    ):
        list(Source([path], Columns()).records())
    names[2] = "title"
    pq.write_table(pa.Table.from_arrays(columns, names=names), path)
    (record,) = Source([path], Columns()).records()
    assert record.article == Article("P", "x")


def test_what_python_has_no_value_for_is_told(tmp_path: Path) -> None:
    """Times where a text belongs: with the column, and what to do."""
    stored = pa.array([2**62], pa.int64()).view(pa.timestamp("us"))
    path = write(tmp_path / "a.parquet", {"source": ["P"], "text": stored})
    with pytest.raises(InputError, match=r"column text \(timestamp\[us\]\) has a value .*mend it"):
        list(Source([path], Columns()).records())


def test_memory_is_flat(tmp_path: Path) -> None:
    """One group of 100 MB is read in small parts."""
    rows = 10_000
    columns = {"source": ["P"] * rows, "text": [f"{n} " * 2500 for n in range(rows)]}
    path = write(tmp_path / "a.parquet", columns)
    del columns
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    most = 0
    for _ in Source([path], Columns()).records():
        most = max(most, pa.total_allocated_bytes() - before)
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most + python < 40_000_000
