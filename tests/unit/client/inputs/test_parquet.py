"""Parquet as an input."""

import importlib
import tracemalloc
from datetime import UTC, datetime
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
