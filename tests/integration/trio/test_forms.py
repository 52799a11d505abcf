"""The same articles in every format and compression add up to the same tallies."""

import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from newstally import NewstallyClient
from newstally.inputs import Columns, Source
from support.processes import REPOSITORY
from support.trio import Trio

SHARED = REPOSITORY.parent / "shared" / "articles" / "articles.jsonl.gz"
NUMBER = 150
FIELDS = ("publication", "content", "article_id")


def rows() -> list[dict[str, str]]:
    """Return real articles where they are at hand, or else the sample over and over."""
    if SHARED.exists():
        with gzip.open(SHARED, "rt", encoding="utf-8") as file:
            lines = list(itertools.islice(file, NUMBER))
    else:
        sample = (REPOSITORY / "sample" / "articles.jsonl").read_text(encoding="utf-8")
        lines = list(itertools.islice(itertools.cycle(sample.splitlines()), NUMBER))
    articles = map(json.loads, lines)
    return [{name: str(article.get(name, "")) for name in FIELDS} for article in articles]


def delimited(delimiter: str) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, FIELDS, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows())
    return file.getvalue().encode()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows()), file)
    return file.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "csv": lambda: delimited(","),
    "tsv": lambda: delimited("\t"),
    "jsonl": lambda: "".join(json.dumps(row) + "\n" for row in rows()).encode(),
    "json": lambda: json.dumps(rows(), ensure_ascii=False, indent=1).encode(),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
TARS = ("", ".gz", ".zst", ".bz2", ".xz")


def write(folder: Path) -> list[Path]:
    """Write every form; the names say which it is."""
    made = [folder / "plain.parquet"]
    made[0].write_bytes(parquet())
    for form, build in FORMATS.items():
        data = build()
        for ending, pack in PACKERS.items():
            made.append(folder / f"plain.{form}{ending}")
            made[-1].write_bytes(pack(data))
        tar = tarred(f"member.{form}", data)
        for ending in TARS:
            made.append(folder / f"{form}.tar{ending}")
            made[-1].write_bytes(PACKERS[ending](tar))
        made.append(folder / f"{form}.zip")
        with zipfile.ZipFile(made[-1], "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"member.{form}", data)
    return made


def tarred(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.mark.slow
async def test_every_form_gives_the_same_tallies(tmp_path: Path) -> None:
    """As many articles in each of 45 forms, counted under its name."""
    forms = write(tmp_path)
    found = {}
    flags = ("--flush-age", "0.05")
    with Trio(tmp_path / "trio", extractors=1, persister_flags=flags) as trio:
        async with NewstallyClient(trio.gateway.address) as client:
            for path in forms:
                source = Source([path], Columns(constant_publication=path.name))
                upload = await client.upload(record.article for record in source.records())
                assert upload.counted == upload.articles == NUMBER, path.name
            for upload_id in [upload.upload_id async for upload in client.uploads()]:
                await client.wait_applied(upload_id)
            for path in forms:
                tallies = client.entity_tallies(path.name)
                found[path.name] = {
                    (tally.text, tally.label): (tally.mentions, tally.articles)
                    async for tally in tallies
                }
    first = found[forms[0].name]
    assert len(found) == 45
    assert len(first) > 100
    assert [name for name, tallies in found.items() if tallies != first] == []
