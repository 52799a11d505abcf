"""Files become articles with offsets that only depend on their bytes."""

import contextlib
import csv
import gzip
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally import Article, InputError
from newstally.inputs import PIPE, Columns, Record, Source, spooled, survey
from newstally.inputs.readers import records as records_module
from newstally.values import present
from newstally_protos.limits import FINGERPRINT_LIMIT_BYTES

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(
    lambda text: present(text) == text
)
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
    """After a good beginning any bytes give records, the same ones every time, or are no UTF-8."""
    start = b"publication,content\nP,text\n"
    if name.endswith("jsonl"):
        start = b'{"publication": "P", "content": "text"}\n'
    try:
        data.decode()
    except UnicodeDecodeError:
        with pytest.raises(InputError, match=r"line \d+ is not UTF-8"):
            read(folder / name, start + data)
        return
    first = read(folder / name, start + data)
    assert first[0].article == Article("P", "text")
    assert first == list(Source([folder / name], Columns()).records())


@pytest.mark.parametrize("name", ["c.csv", "c.jsonl"])
@pytest.mark.parametrize("encoding", ["latin1", "ISO-8859-15", "utf-16", "utf-8"])
def test_an_encoding_can_be_told(tmp_path: Path, name: str, encoding: str) -> None:
    """Every character arrives as it was written, in CSV and in JSON Lines."""
    text = "publication,content\nLa Presse,été à Genève\n"
    if name.endswith("jsonl"):
        text = '{"publication": "La Presse", "content": "été à Genève"}\n'
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    (record,) = Source([path], Columns(), encoding=encoding).records()
    assert record.article == Article("La Presse", "été à Genève")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"source,text\nP,one\nP,caf\xe9\n", r"line 3 is not UTF-8 \(byte 0xe9\)"),
        ("a.csv", b"source,text\nP,caf\xe9\n", "--encoding latin-1"),
        ("a.csv", b"titr\xe9,text\n", "line 1 is not UTF-8"),
        ("a.csv", "source,text\nP,x\n".encode("utf-16"), "--encoding utf-16"),
        ("a.jsonl", b'{"source": "P", "text": "x"}\n{"text": "caf\xe9"}\n', "line 2 is not UTF-8"),
        ("a.jsonl.gz", b'{"source": "P", "text": "caf\xe9', "line 1 is not UTF-8"),
    ],
)
def test_what_is_no_utf_8_is_told_with_line_and_remedy(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    """Nothing is replaced in silence: the survey fails, so nothing of it is sent."""
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / name, data)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("encoding", ["latin-2000", "hex", "", "utf-8\0"])
def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    """The message gives examples."""
    with pytest.raises(InputError, match="not known; for example utf-8, latin-1"):
        Source([Path("a.csv")], Columns(), encoding=encoding)


def test_bytes_that_the_told_encoding_has_not_are_refused(tmp_path: Path) -> None:
    """Also where Python cannot say in which line."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"source,text\nP,caf\xe9")
    with pytest.raises(InputError, match=r"line 2 is not ASCII \(byte 0xe9\)"):
        list(Source([path], Columns(), encoding="ascii").records())
    with pytest.raises(InputError, match=r"not UTF-16 .*--encoding"):
        list(Source([path], Columns(), encoding="utf-16").records())


@pytest.mark.parametrize(("told", "delimiter"), [(";", ";"), ("tab", "\t"), ("\\t", "\t")])
def test_a_delimiter_can_be_told(tmp_path: Path, told: str, delimiter: str) -> None:
    """CSV as spreadsheets of other countries write it."""
    path = tmp_path / "a.csv"
    path.write_text(f'source{delimiter}text\nP{delimiter}"a, b{delimiter} c"\n')
    (record,) = Source([path], Columns(), delimiter=told).records()
    assert record.article == Article("P", f"a, b{delimiter} c")


@pytest.mark.parametrize(
    ("header", "shown"),
    [("source;text", "';'"), ("source\ttext", "tab"), ("a|b", "'|'"), ('"source";"text"', "';'")],
)
def test_another_delimiter_is_recognised(tmp_path: Path, header: str, shown: str) -> None:
    """The message says which option reads the file."""
    with pytest.raises(InputError, match=re.escape(f"add --delimiter {shown}")):
        read(tmp_path / "a.csv", f"{header}\nx\n")


def test_missing_columns_are_not_blamed_on_the_delimiter(tmp_path: Path) -> None:
    """A header that the delimiter splits well lacks the columns."""
    with pytest.raises(InputError, match="no column content") as caught:
        read(tmp_path / "a.csv", "a,b;c\n")
    assert "--delimiter" not in str(caught.value)


def test_a_delimiter_that_cannot_be_meant_is_refused() -> None:
    """More than a character, a quote, or one for JSON Lines."""
    for delimiter in (";;", "", '"', "\n"):
        with pytest.raises(InputError, match="one character, or tab"):
            Source([Path("a.csv")], Columns(), delimiter=delimiter)
    with pytest.raises(InputError, match="--delimiter is for CSV"):
        Source([Path("a.jsonl")], Columns(), delimiter=";")


def test_a_pipe_is_an_input_like_a_file(tmp_path: Path) -> None:
    """What was piped can be read again and again; it is known by its bytes, not by a name."""
    data = b'{"source": "P", "text": "one"}\n{\n'
    with spooled(io.BytesIO(data)) as piped:
        source = Source([PIPE], Columns(), piped=piped)
        found = survey(source)
        records = list(source.records())
        assert list(source.records()) == records
    assert [(r.article, r.place, bool(r.problem)) for r in records] == [
        (Article("P", "one"), "stdin:1", False),
        (Article("", ""), "stdin:2", True),
    ]
    assert (found.records, found.malformed, found.first_malformed) == (2, 1, records[1])
    assert found.fingerprint.sizes == (len(data),)
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    assert found.fingerprint.difference(survey(Source([path], Columns())).fingerprint) is None
    with pytest.raises(InputError, match="once"):
        Source([PIPE, PIPE], Columns())


def test_a_pipe_without_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the directory and the variable that chooses another."""

    def full(**_options: object) -> io.FileIO:
        return io.FileIO("/dev/full", "r+")

    monkeypatch.setattr("newstally.inputs.files.tempfile.TemporaryFile", full)
    with pytest.raises(InputError, match="No space left on device; set TMPDIR"):
        spooled(io.BytesIO(b"abc")).__enter__()


def test_a_pipe_that_says_nothing_is_told_of() -> None:
    """Whoever waits is told while nothing comes, and then how much has come."""
    reading, writing = os.pipe()
    told: list[int] = []

    def on_read(size_bytes: int) -> None:
        told.append(size_bytes)
        if len(told) == 2:  # it has been waited for twice
            os.write(writing, b"abc")
        elif size_bytes:
            with contextlib.suppress(OSError):
                os.close(writing)

    with os.fdopen(reading, "rb") as pipe, spooled(pipe, on_read) as piped:
        piped.seek(0)
        assert piped.read() == b"abc"
    assert (told[:2], told[-1]) == ([0, 0], 3)


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
        (5, "no column content or text or body or article for the content"),
        (6, "content is no string but a number"),
        (7, ""),
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
        ("a.txt", "", Columns(), "no header"),
        ("a.json", "x", Columns(), "no JSON: it begins with neither"),
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
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path / "none.csv", tmp_path / "folder.csv", broken):
        with pytest.raises(InputError, match="cannot be read"):
            survey(Source([path], Columns()))


def test_a_byte_order_mark_is_taken(tmp_path: Path) -> None:
    """It is no part of the first column's name."""
    (record,) = read(tmp_path / "a.csv", b"\xef\xbb\xbfsource,text\nP,one\n")
    assert record.article == Article("P", "one")


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
    recoded = survey(Source([moved], Columns(), encoding="latin-1")).fingerprint
    assert before.difference(recoded) is None  # the same articles
    older = replace(before, articles="")
    assert "encoding" in str(older.difference(recoded))
    assert older.difference(before) is None


def test_the_summary_tells_inputs_of_one_length_apart(tmp_path: Path) -> None:
    """For the persister: other articles are another input, another place or form is not."""
    one, same, other = (tmp_path / name for name in ("one.csv", "same.csv", "other.csv"))
    for path, letter in ((one, "a"), (same, "a"), (other, "b")):
        path.write_text(f"publication,content,body\np,{letter},c\n")

    def summary(path: Path, columns: Columns | None = None) -> bytes:
        return survey(Source([path], columns or Columns())).fingerprint.summary()

    assert summary(one) == summary(same)
    assert len(summary(one)) <= FINGERPRINT_LIMIT_BYTES
    assert summary(one) != summary(other)
    assert summary(one) != summary(one, Columns(content=("body",)))


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
