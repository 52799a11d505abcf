"""One input in every form, and the forms that are none."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from newstally import Article, InputError
from newstally.inputs import PIPE, Columns, Source, found, spooled, unpacking

ARTICLES = [Article("The Daily", f'anna, "met"\nbob {n} é', f"id-{n}") for n in range(40)]


def csv_of(delimiter: str) -> bytes:
    rows = [delimiter.join(("source", "text", "id"))]
    for article in ARTICLES:
        content = article.content.replace('"', '""')
        rows.append(delimiter.join((article.publication, f'"{content}"', article.article_id)))
    return "\n".join(rows).encode()


def objects() -> list[dict[str, str]]:
    return [{"source": a.publication, "text": a.content, "id": a.article_id} for a in ARTICLES]


FORMS: dict[str, bytes] = {
    "csv": csv_of(","),
    "tsv": csv_of("\t"),
    "jsonl": "\n".join(map(json.dumps, objects())).encode(),
    "json": json.dumps(objects(), indent=2).encode(),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.compress(data[:100]) + zstandard.compress(data[100:]),
}


def articles(source: Source) -> list[Article]:
    return [record.article for record in source.records()]


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_articles(tmp_path: Path, form: str, packer: str) -> None:
    """By its name, without a name, and from a pipe, compressed or not."""
    data = PACKERS[packer](FORMS[form])
    for name in (f"a.{form}{packer}", "anything", "a.txt"):
        path = tmp_path / name
        path.write_bytes(data)
        assert articles(Source([path], Columns())) == ARTICLES, name
    with spooled(io.BytesIO(data)) as piped:
        assert articles(Source([PIPE], Columns(), piped=piped)) == ARTICLES
        assert articles(Source([PIPE], Columns(), piped=piped, told=form)) == ARTICLES


def zip_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tar_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar.zst"]
)
def test_members_of_an_archive_are_read(tmp_path: Path, name: str) -> None:
    """Those whose names tell a format, compressed or not, with their place; others are left out."""
    members = {
        "README": b"no news",
        "__MACOSX/._one.csv": b"\0\5",
        "one.csv": FORMS["csv"],
        "deep/two.jsonl.gz": gzip.compress(FORMS["jsonl"]),
    }
    packer = PACKERS.get(Path(name).suffix, PACKERS[""])
    path = tmp_path / name
    path.write_bytes(zip_of(members) if name == "a.zip" else packer(tar_of(members)))
    records = list(Source([path], Columns()).records())
    assert [record.article for record in records] == ARTICLES * 2
    assert records[0].place == f"{path}/one.csv:2"
    assert records[-1].place == f"{path}/deep/two.jsonl.gz:40"


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


BLOCK = 512
TAR = tar_of({f"{n}.csv": b"source,text\nP,x\n" for n in range(4)})
TAR_END = 8 * BLOCK
"""Each member has two blocks. Then there are two of zeros, and as many as fill 10,240 bytes."""
DAMAGED_TARS = {
    "a bit in a header": (_flipped(TAR, 4 * BLOCK + 5), "bad checksum where a member or the end"),
    "a bit in a name's header": (
        _flipped(tar_of({"a.csv": b"source,text\nP,x\n", "b" * 150: b""}), 2 * BLOCK + 5),
        "bad checksum",
    ),
    "zeros for a header": (
        TAR[: 4 * BLOCK] + bytes(BLOCK) + TAR[5 * BLOCK :],
        "there is more after the end of the archive",
    ),
    "zeros for a member": (
        TAR[: 4 * BLOCK] + bytes(2 * BLOCK) + TAR[6 * BLOCK :],
        "there is more after the end of the archive",
    ),
    "cut at a header": (TAR[: 4 * BLOCK], "breaks off before its end"),
    "cut in a header": (TAR[: 4 * BLOCK + 100], "truncated header"),
    "cut in a member": (TAR[: 5 * BLOCK + 3], "unexpected end of data"),
    "cut in what fills a member up": (TAR[: 5 * BLOCK + 100], "unexpected end of data"),
    "without an end": (TAR[:TAR_END], "breaks off before its end, which two blocks of zeros mark"),
    "cut in its end": (TAR[: TAR_END + 100], "truncated header"),
    "half an end": (TAR[: TAR_END + BLOCK], "breaks off before its end"),
    "cut in the second half of its end": (TAR[: TAR_END + BLOCK + 9], "breaks off before its end"),
    "two in one": (TAR + TAR, "several archives are in one file"),
    "more after it": (TAR + b"x", "several archives are in one file"),
}


@pytest.mark.parametrize("packer", ["", ".gz"])
@pytest.mark.parametrize("case", DAMAGED_TARS)
def test_no_article_of_a_damaged_archive_is_lost_in_silence(
    tmp_path: Path, case: str, packer: str
) -> None:
    """Wherever it is damaged or cut: it is told with its name and the remedy."""
    data, message = DAMAGED_TARS[case]
    path = tmp_path / f"a.tar{packer}"
    path.write_bytes(PACKERS[packer](data))
    with pytest.raises(InputError, match=message) as caught:
        articles(Source([path], Columns()))
    assert str(caught.value).startswith(f"{path}")
    assert "fetch it again" in str(caught.value)


@pytest.mark.parametrize("zeros", [2, 3, 20, 5000])
def test_an_archive_ends_with_two_blocks_of_zeros_or_more(tmp_path: Path, zeros: int) -> None:
    """However many its writer fills it up with."""
    path = tmp_path / "a.tar"
    path.write_bytes(TAR[:TAR_END] + bytes(zeros * BLOCK))
    assert len(articles(Source([path], Columns()))) == 4


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archives_of_all_kinds_end(tmp_path: Path, form: int) -> None:
    """With long names, folders, links and empty members, also as the last."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=form) as archive:
        for name in ("a.csv", f"{'d' * 80}/{'e' * 60}.csv"):
            info = tarfile.TarInfo(name)
            info.size = len(FORMS["csv"])
            archive.addfile(info, io.BytesIO(FORMS["csv"]))
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.REGTYPE):
            info = tarfile.TarInfo(f"{'f' * 80}/{'g' * 60}")
            info.type = kind
            archive.addfile(info)
    assert articles(Source([path], Columns())) == ARTICLES * 2


@pytest.mark.parametrize("bit", [0, 3])
def test_no_bit_of_a_zip_breaks_the_reading(tmp_path: Path, bit: int) -> None:
    """A damaged list of members is an InputError, as a damaged member is."""
    data = zip_of({"ä.csv": b"source,text\nP,x\n"})
    path = tmp_path / "a.zip"
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
        with contextlib.suppress(InputError):
            assert len(articles(Source([path], Columns()))) == 1


def test_folders_and_patterns_give_their_files(tmp_path: Path) -> None:
    """Sorted; hidden files and unknown names are left out; a folder must be meant."""
    for name in ("b.csv", "sub/a.jsonl", ".hidden.csv", "notes.md", "c.zip"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    assert found([tmp_path], recursive=True) == [
        tmp_path / name for name in ("b.csv", "c.zip", "sub/a.jsonl")
    ]
    assert found([tmp_path / "*.csv"], recursive=False) == [tmp_path / "b.csv"]
    (tmp_path / "empty").mkdir()
    for path, message in (
        (tmp_path, "is a folder; --recursive reads"),
        (tmp_path / "*.tsv", "no file is of this pattern"),
        (tmp_path / "none.csv", "No such file"),
    ):
        with pytest.raises(InputError, match=message):
            found([path], recursive=False)
    with pytest.raises(InputError, match="no file in it has a name"):
        found([tmp_path / "empty"], recursive=True)


def test_what_is_missing_to_pandas_is_empty(tmp_path: Path) -> None:
    """nan, NaN, None and null are no publication and no text."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"source": NaN, "text": null, "id": null}\n{"source": "nan", "text": "None", "id": NaN}\n'
    )
    table = tmp_path / "a.csv"
    table.write_text("source,text,id\nnan,NaN,<NA>\n")
    assert articles(Source([path, table], Columns())) == [Article("", "", "")] * 3


BROKEN = {
    "truncated gzip": ("a.csv.gz", gzip.compress(FORMS["csv"])[:-9], "truncated or damaged"),
    "truncated bzip2": ("a.csv.bz2", bz2.compress(FORMS["csv"])[:-9], "truncated or damaged"),
    "truncated xz": ("a.csv.xz", lzma.compress(FORMS["csv"])[:-9], "truncated or damaged"),
    "truncated zstandard": ("a.zst", zstandard.compress(FORMS["csv"])[:-9], "truncated or damaged"),
    "damaged gzip": ("a.gz", b"\x1f\x8b\x08\x00" + b"\xff" * 99, "truncated or damaged"),
    "damaged zstandard": ("a.zst", b"\x28\xb5\x2f\xfd" + b"\xff" * 99, "truncated or damaged"),
    "truncated zip": ("a.zip", zip_of({"a.csv": FORMS["csv"]})[:-40], "truncated or damaged"),
    "truncated tar": ("a.tar", tar_of({"a.csv": FORMS["csv"]})[:1200], "truncated or damaged"),
    "an archive of nothing": ("a.zip", zip_of({"b.txt": b"x"}), "no member has a name .* b.txt"),
    "a truncated array": ("a.json", FORMS["json"][:-30], r"line \d+: no JSON"),
    "an array without an end": ("a.json", FORMS["json"][:-1], "line 202: the array breaks off"),
    "an array with a gap": ("a.json", b'[{"source": "P", "text": "x"} 5]', "where , or ] belongs"),
    "more after an array": ("a.json", b"[]\n[]", "line 2: there is more after the end"),
    "one object": ("a.json", b'{\n "articles": []\n}', "line 1: one JSON object over several"),
    "truncated Parquet": ("a", b"PAR1\x15\x04", "as Parquet: it is truncated or damaged"),
    "no Parquet": ("a.parquet", b"source,text\nP,x\n", "no Parquet: it does not begin with PAR1"),
    "packed Parquet": ("a.gz", gzip.compress(b"PAR1"), "packed or in an archive is not read"),
    "zero bytes": ("a", b"\x7fELF\0\0\0\0", "there are zero bytes in it"),
    "a deep array": ("a.json", b"[" * 100_000, "line 1: no JSON"),
    "not UTF-8": ("a.json", b'[\n{"source": "P",\n"text": "\xe9"}]', r"line 3 is not UTF-8"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_told(tmp_path: Path, case: str) -> None:
    """With its name and the remedy, whatever breaks."""
    name, data, message = BROKEN[case]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        articles(Source([path], Columns()))
    assert str(caught.value).startswith(f"{path}")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst", "a.zip"])
def test_what_unpacks_beyond_all_measure_is_ended(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb is told as such, after a bounded amount of it."""
    monkeypatch.setattr(unpacking, "RATIO_FROM_BYTES", 1 << 20)
    data = b"source,text\n" + b"P," + b"x\n" + b"P,y\n" * 2_000_000
    path = tmp_path / name
    packer = PACKERS.get(path.suffix, PACKERS[""])
    path.write_bytes(zip_of({"a.csv": data}) if name == "a.zip" else packer(data))
    with pytest.raises(InputError, match="unpacks to over 200 times its size"):
        for _ in Source([path], Columns()).records():
            pass


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_memory_does_not_grow_with_the_input(tmp_path: Path, form: str) -> None:
    """A stream from the first byte to the last: a few buffers, whatever the size."""
    path = tmp_path / f"a.{form}.gz"
    row = {"csv": "P,{}\n", "json": ',\n{{"source": "P", "text": "{}"}}'}.get(
        form, '{{"source": "P", "text": "{}"}}\n'
    )
    start = {"csv": "source,text\n", "json": '[{"source": "P", "text": "x"}'}.get(form, "")
    with gzip.open(path, "wt", compresslevel=1) as out:
        out.write(start)
        for _ in range(300):
            out.write(row.format(os.urandom(50_000).hex()))
        out.write("]" if form == "json" else "")
    tracemalloc.start()
    try:
        assert sum(1 for _ in Source([path], Columns()).records()) >= 300
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()
