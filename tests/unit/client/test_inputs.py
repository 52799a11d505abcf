"""Files become articles with offsets that only depend on their bytes."""

import csv
import gzip
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally import Article, InputError
from newstally.inputs import Columns, Record, Source, survey
from newstally.inputs import records as records_module

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
# A BOM at the start of a field could be taken for that of the file; CSV rows need some text.
ARTICLES = st.lists(st.builds(Article, TEXT, TEXT, TEXT), max_size=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inputs")


def read(path: Path, data: bytes | str, columns: Columns | None = None) -> list[Record]:
    raw = data if isinstance(data, bytes) else data.encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return list(Source([path], columns or Columns()).records())


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@settings(deadline=None)  # the machine may be busy
@given(articles=ARTICLES)
def test_csv_gives_back_what_was_written(folder: Path, name: str, articles: list[Article]) -> None:
    """Quotes, commas, line ends and any character survive, plain and gzipped."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(["publication", "content", "id"])
    writer.writerows([a.publication, a.content, a.article_id] for a in articles)
    assert [record.article for record in read(folder / name, text.getvalue())] == articles


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz"])
@settings(deadline=None)  # the machine may be busy
@given(articles=ARTICLES)
def test_jsonl_gives_back_what_was_written(
    folder: Path, name: str, articles: list[Article]
) -> None:
    """Any character survives, escaped or not."""
    lines = [
        json.dumps({"publication": a.publication, "content": a.content, "article_id": a.article_id})
        for a in articles
    ]
    assert [record.article for record in read(folder / name, "\n".join(lines))] == articles


@pytest.mark.parametrize("name", ["b.csv", "b.jsonl"])
@settings(deadline=None)  # the machine may be busy
@given(data=st.binary(max_size=400))
def test_no_bytes_break_the_reading(folder: Path, name: str, data: bytes) -> None:
    """After a good beginning any bytes give records, the same ones every time."""
    start = b"publication,content\nP,text\n"
    if name.endswith("jsonl"):
        start = b'{"publication": "P", "content": "text"}\n'
    first = read(folder / name, start + data)
    assert first[0].article == Article("P", "text")
    assert first == list(Source([folder / name], Columns()).records())


def test_malformed_json_lines_keep_their_place(tmp_path: Path) -> None:
    """A bad line becomes a record that a gateway refuses, with its line and what is wrong."""
    lines = [
        '{"publication": "P", "content": "one"}',
        "",
        "{broken",
        "[1, 2]",
        '{"publication": "P"}',
        '{"publication": "P", "content": 5}',
        '{"publication": null, "content": "x"}',
        '{"publication": "P", "content": "two", "id": 17}',
        "[" * 100_000,
    ]
    found = read(tmp_path / "a.jsonl", "\n".join(lines))
    assert [(r.line, r.problem.split(":")[0]) for r in found] == [
        (1, ""),
        (3, "no JSON"),
        (4, "no JSON object but an array"),
        (5, "no column content or text or body for the content"),
        (6, "content is no string but a number"),
        (7, "publication is no string but null"),
        (8, ""),
        (9, "no JSON"),
    ]
    assert found[6].article == Article("P", "two", "17")
    assert {r.article for r in found if r.problem} == {Article("", "")}


def test_malformed_csv_rows_keep_their_place(tmp_path: Path) -> None:
    """Rows that do not fit the header, and stray quotes, are records with a problem."""
    text = 'source,text\nP,one\nP\n\nP,a,b\n"x"y,z\nP,"two\nlines"\nP,"never closed\nP,lost'
    found = read(tmp_path / "a.csv", text)
    assert [(r.line, bool(r.problem), r.article.content) for r in found] == [
        (2, False, "one"),
        (3, True, ""),
        (5, True, ""),
        (6, True, ""),
        (7, False, "two\nlines"),
        (9, True, ""),
    ]


def test_column_names_can_be_told(tmp_path: Path) -> None:
    """Options name columns; names match in any case; a constant publication needs no column."""
    columns = Columns(content=("Body Text",), article_id=("key",), constant_publication="P")
    (record,) = read(tmp_path / "a.csv", "BODY TEXT,key\nhello,7\n", columns)
    assert record.article == Article("P", "hello", "7")


@pytest.mark.parametrize(
    ("name", "text", "columns", "message"),
    [
        ("a.csv", "", Columns(), "no header"),
        ("a.csv", "a,b\n1,2\n", Columns(), "there are: a, b; name it with --content-column"),
        ("a.csv", "text\n1\n", Columns(), "--publication-column or give --publication NAME"),
        ("a.csv", "source,text\n", Columns(article_id=("k",)), "no column k .* --id-column"),
        ("a.jsonl", '{"a": 1}\n', Columns(), "there are: a"),
        ("a.txt", "", Columns(), r"must end in .csv, .jsonl, .ndjson"),
    ],
)
def test_wrong_columns_are_told_at_once(
    tmp_path: Path, name: str, text: str, columns: Columns, message: str
) -> None:
    """What cannot be articles at all is an InputError that names file and remedy."""
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / name, text, columns)
    assert str(tmp_path / name) in str(caught.value)


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    """Missing files, directories, and broken gzip are InputErrors."""
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(gzip.compress(b"source,text\n" + b"P,x\n" * 1000)[:-20])
    plain = tmp_path / "plain.csv.gz"
    plain.write_bytes(b"source,text\n")
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path / "none.csv", tmp_path / "folder.csv", broken, plain):
        with pytest.raises(InputError, match="cannot be read"):
            survey(Source([path], Columns()))


def test_bad_utf8_and_a_byte_order_mark_are_taken(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 become U+FFFD; a BOM is no part of the first column's name."""
    (record,) = read(tmp_path / "a.csv", b"\xef\xbb\xbfsource,text\nP,a\xffb\n")
    assert record.article.content == "a\ufffdb"


def test_lines_beyond_all_measure_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line over the bound is malformed and skipped; a CSV of such lines is refused."""
    monkeypatch.setattr(records_module, "LONGEST_LINE", 100)
    good = '{"publication": "P", "content": "x"}'
    found = read(tmp_path / "a.jsonl", f"{good}\n{'[' * 1000}\n{good}\n")
    assert [bool(record.problem) for record in found] == [False, True, False]
    with pytest.raises(InputError, match="line 2 is over"):
        read(tmp_path / "a.csv", "source,text\nP," + "x" * 1000)


def test_a_survey_counts_and_fingerprints(tmp_path: Path) -> None:
    """Records, malformed ones, sizes on disk and the digest of all bytes, gzipped or not."""
    one, two = tmp_path / "1.jsonl", tmp_path / "2.csv.gz"
    one.write_text('{"source": "P", "text": "x"}\n{\n')
    two.write_bytes(gzip.compress(b"source,text\nP,y\n") + b"\0" * 7)
    found = survey(Source([one, two], Columns()))
    assert (found.records, found.malformed) == (3, 1)
    assert found.fingerprint.sizes == (one.stat().st_size, two.stat().st_size)
    assert found.fingerprint.formats == (".jsonl", ".csv.gz")
    assert survey(Source([one, two], Columns())) == found
    swapped = survey(Source([two, one], Columns())).fingerprint
    assert found.fingerprint.difference(swapped) == "the formats differ"


def test_a_fingerprint_tells_inputs_apart_and_follows_a_move(tmp_path: Path) -> None:
    """Size, content and columns matter; the name does not."""
    path, moved = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text("source,text\nP,one\n")
    before = survey(Source([path], Columns())).fingerprint
    moved.write_text("source,text\nP,one\n")
    assert before.difference(survey(Source([moved], Columns())).fingerprint) is None
    path.write_text("source,text\nP,two\n")
    assert "content" in str(before.difference(survey(Source([path], Columns())).fingerprint))
    path.write_text("source,text\nP,longer\n")
    assert "size" in str(before.difference(survey(Source([path], Columns())).fingerprint))
    other = survey(Source([moved], Columns(constant_publication="Q"))).fingerprint
    assert "column" in str(before.difference(other))


def test_a_file_that_changes_after_the_survey_is_noticed(tmp_path: Path) -> None:
    """Offsets that were promised must not move under the upload."""
    path = tmp_path / "a.csv"
    path.write_text("source,text\nP,one\n")
    source = Source([path], Columns())
    survey(source)
    path.write_text("source,text\nP,two\n")
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError, match="changed"):
        list(source.records())
