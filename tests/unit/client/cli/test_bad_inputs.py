"""What users do wrong, or have done to them: told with file, line and remedy; nothing is lost."""

import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from asyncio import to_thread
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from newstally.inputs import unpacking
from support.reference_gateway import ReferenceGateway

from .conftest import Run

CSV = b"source,text\nP,one\nP,two\nP,three\n"
LINE = '{"source": "P", "text": "x"}\n'


@dataclass(frozen=True)
class Case:
    """An input, and what comes of it."""

    name: str
    data: bytes | None
    said: str
    """Part of what is said on stdout or stderr; {path} stands for the file."""
    code: int = 2
    counted: int = 0
    options: tuple[str, ...] = ()


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def encrypted() -> bytes:
    """Return a zip whose member says that it has a password."""
    data = bytearray(zipped({"a.csv": CSV}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def tarred(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("a.csv")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"source": ["P"] * 99, "text": ["x"] * 99}), file)
    return file.getvalue()


DAMAGED = "{path}: cannot be read: it is truncated or damaged"
BOMB = b"source,text\nP," + b"x" * 5_000_000 + b"\n"
CASES = {
    # What is not there, or nothing.
    "missing": Case("a.csv", None, "{path}: cannot be read: No such file or directory"),
    "empty CSV": Case("a.csv", b"", "{path}: no header: the first line must name the columns"),
    "empty JSON Lines": Case("a.jsonl", b"", "the input has no records"),
    "blank lines": Case("a.jsonl", b"\n\n \n", "the input has no records"),
    "header only": Case("a.csv", b"source,text\n", "the input has no records"),
    "an empty array": Case("a.json", b"[]", "the input has no records"),
    # Columns.
    "unknown columns": Case(
        "a.csv", b"headline,by\nx,y\n", "there are: by, headline; name it with"
    ),
    "a double column": Case(
        "a.csv", b"source,text,text\nP,x,y\n", "{path}: line 1: the column text"
    ),
    "a column that is not there": Case(
        "a.csv", CSV, "no column body for the content", options=("--content-column", "body")
    ),
    "another delimiter": Case("a.csv", b"source;text\nP;x\n", "add --delimiter ';'"),
    "tabs": Case("a.csv", b"source\ttext\nP\tx\n", "add --delimiter tab"),
    "unknown fields": Case("a.jsonl", b'{"a": 1}\n', "{path}: no column content"),
    "a row too short": Case("a.csv", CSV + b"P\n", "{path}:5: 1 columns, but the header", 3, 3),
    "a row too long": Case("a.csv", CSV + b"P,x,y\n", "{path}:5: 3 columns, but the header", 3, 3),
    # Compression and archives.
    "truncated gzip": Case("a.csv.gz", gzip.compress(CSV)[:-9], DAMAGED),
    "truncated bzip2": Case("a.csv.bz2", bz2.compress(CSV)[:-9], DAMAGED),
    "truncated xz": Case("a.csv.xz", lzma.compress(CSV)[:-9], DAMAGED),
    "truncated zstandard": Case("a.csv.zst", zstandard.compress(CSV)[:-3], DAMAGED),
    "a wrong checksum": Case("a.csv.gz", gzip.compress(CSV)[:-8] + b"\0" * 8, DAMAGED),
    "truncated zip": Case("a.zip", zipped({"a.csv": CSV})[:-30], DAMAGED),
    "truncated tar": Case("a.tar", tarred(CSV * 99)[:1500], "a.tar"),
    "an archive without articles": Case(
        "a.zip", zipped({"b.txt": b"x"}), "{path}: no member has a name of a format that is read"
    ),
    "a password": Case("a.zip", encrypted(), "is encrypted, password required"),
    "a name that lies of gzip": Case("a.csv.gz", CSV, "3 articles settled (3 counted", 0, 3),
    "gzip without a name for it": Case("a.csv", gzip.compress(CSV), "(3 counted", 0, 3),
    "a bomb": Case("a.csv.gz", gzip.compress(BOMB), "{path}: it unpacks to over 200 times"),
    "a bomb of zstandard": Case("a.zst", zstandard.compress(BOMB), "is it a decompression bomb?"),
    "a bomb in a zip": Case("a.zip", zipped({"a.csv": BOMB}), "a.csv: it unpacks to over 200"),
    # Text.
    "not UTF-8": Case(
        "a.csv", "source,text\nP,été\n".encode("latin-1"), "{path}: line 2 is not UTF-8 (byte 0xe9)"
    ),
    "UTF-16": Case("a.csv", CSV.decode().encode("utf-16"), "--encoding utf-16"),
    "an unknown encoding": Case(
        "a.csv",
        CSV,
        "--encoding klingon: not known; for example",
        options=("--encoding", "klingon"),
    ),
    "a byte order mark": Case("a.csv", b"\xef\xbb\xbf" + CSV, "(3 counted", 0, 3),
    "a binary file": Case("a", b"\x7fELF\0\0\0", "{path}: neither CSV nor JSON"),
    "NUL in a field": Case("a.csv", CSV + b"P,a\0b\n", "(4 counted", 0, 4),
    "mixed line ends": Case("a.csv", b"source,text\rP,a\r\nP,b\nP,c\r", "(3 counted", 0, 3),
    "a quote that never closes": Case(
        "a.csv", CSV + b'P,"x\nP,y\n', "{path}:5: no CSV: unexpec", 3, 3
    ),
    "a field of 20 MB": Case(
        "a.csv", CSV + b"P," + b"x" * 20_000_000 + b"\n", "{path}:5: CONTENT_TOO_LONG", 0, 3
    ),
    # JSON.
    "a broken line": Case("a.jsonl", f"{LINE}{{\n{LINE}".encode(), "{path}:2: no JSON", 3, 2),
    "a line of another kind": Case(
        "a.jsonl", f"{LINE}[1]\n".encode(), "{path}:2: no JSON object", 3, 1
    ),
    "nested": Case(
        "a.jsonl", f'{LINE}{{"source": "P", "text": {{}}}}\n'.encode(), "{path}:2: text is no", 3, 1
    ),
    "too deep": Case("a.jsonl", (LINE + "[" * 100_000).encode(), "{path}:2: no JSON", 3, 1),
    "one object over lines": Case("a.json", b'{\n"a": 1}', "{path}: line 1: one JSON object over"),
    "a truncated array": Case("a.json", f"[{LINE},".encode(), "{path}: line 2: "),
    "Parquet that breaks off": Case(
        "a.parquet", parquet()[:-20], "{path}: cannot be read as Parquet"
    ),
    "no Parquet": Case("a.parquet", CSV, "{path}: no Parquet: it does not begin with PAR1"),
    "not the format that is told": Case(
        "a.csv", CSV, "{path}:1: no JSON", 3, options=("--format", "jsonl")
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_bad_input_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """With its exit code; where the rest makes sense it is counted, else nothing is begun."""
    monkeypatch.setattr(unpacking, "RATIO_FROM_BYTES", 1 << 20)
    bad = CASES[case]
    path = tmp_path / bad.name
    if bad.data is not None:
        path.write_bytes(bad.data)
    async with ReferenceGateway() as gateway:
        result = await run("upload", path, "--target", gateway.target, *bad.options)
        counted = [article for each in gateway.journals.values() for article in each.counted]
    assert bad.said.replace("{path}", str(path)) in result.stdout + result.stderr
    assert (result.exit_code, len(counted)) == (bad.code, bad.counted)
    if bad.code == 2:
        assert gateway.journals == {}


def test_there_are_forty() -> None:
    """Beside what is below, and in test_reaching.py."""
    assert len(CASES) >= 40


PATHS = {
    "a folder": (["folder"], "is a folder; --recursive reads the files in it"),
    "an empty folder": (["folder", "--recursive"], "no file in it has a name of a format"),
    "a pattern of nothing": (["none-*.csv"], "no file is of this pattern"),
    "two pipes": (["-", "-"], "- can be named once"),
    "no port": (["a.csv", "--target", "example.org"], "names no port; a target is host:port"),
    "a web address": (
        ["a.csv", "--target", "http://x:1"],
        "is a web address; a target is host:port",
    ),
    "a file for the states": (["a.csv", "--state-dir", "a.csv"], "cannot save the upload's state"),
    "rejects nowhere": (["a.csv", "--rejects", "none/x"], "there is no folder none"),
}


@pytest.mark.parametrize("case", PATHS)
async def test_what_cannot_be_meant_is_told(run: Run, tmp_path: Path, case: str) -> None:
    """Exit code 2, and nothing is begun."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.csv").write_bytes(CSV)
    arguments, said = PATHS[case]
    async with ReferenceGateway() as gateway:
        target = () if "--target" in arguments else ("--target", gateway.target)
        result = await run("upload", *arguments, *target)
        assert gateway.journals == {}
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


async def test_a_port_that_is_taken_by_something_else_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and says nothing: exit code 1 after a bounded time."""
    monkeypatch.setattr("newstally._gateway.probing._SECONDS", 0.5)
    (tmp_path / "a.csv").write_bytes(CSV)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = ("upload", "a.csv", "--target", f"127.0.0.1:{port}", "--give-up-after", "0.5")
        result = await run(*command)
    assert (result.exit_code, "is the port right?" in result.stderr) == (1, True)


UTIL_LINUX = pytest.mark.skipif(
    not (shutil.which("prlimit") and shutil.which("setpriv")), reason="util-linux is not at hand"
)


def process(
    gateway: ReferenceGateway, path: Path, *start: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command as a process of its own, started by another command."""
    states = path.with_name("states")
    command = ("upload", str(path), "--target", gateway.target, "--state-dir", str(states))
    return subprocess.run(
        [*start, sys.executable, "-m", "newstally", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def small_files(size_bytes: int) -> tuple[str, ...]:
    """Let no file grow beyond that: what a full disk looks like to a program."""
    # Not in the child before it begins: gRPC runs here, and does not live through a fork.
    return ("prlimit", f"--fsize={size_bytes}")


@UTIL_LINUX
async def test_a_disk_without_room_for_the_state_is_told(tmp_path: Path) -> None:
    """Before anything is sent: without it nothing could be resumed."""
    path = tmp_path / "a.csv"
    path.write_bytes(CSV)
    async with ReferenceGateway() as gateway:
        done = await to_thread(process, gateway, path, *small_files(100))
        assert gateway.journals == {}
    assert done.returncode == 2
    assert "cannot save the upload's state: [Errno 27] File too large" in done.stderr


@UTIL_LINUX
async def test_a_disk_without_room_for_the_rejects_costs_only_those(tmp_path: Path) -> None:
    """All is counted and told, and the same command writes them where there is room."""
    path = tmp_path / "a.jsonl"
    path.write_text(LINE + (json.dumps({"source": "P", "text": ""}) + "\n") * 99)
    file = path.with_name("a.jsonl.rejected.jsonl")
    async with ReferenceGateway() as gateway:
        done = await to_thread(process, gateway, path, *small_files(5_000))
        assert (done.returncode, file.exists()) == (0, False)
        assert "100 articles settled (1 counted, 99 refused" in done.stdout
        assert f"note: {file}: cannot write the rejects: File too large" in done.stderr
        again = await to_thread(process, gateway, path)
    assert "already counted" in again.stdout
    assert len(file.read_text().splitlines()) == 99


WITHOUT_POWERS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@UTIL_LINUX
async def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    """Root may read all, so the command runs without that power."""
    path = tmp_path / "a.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    async with ReferenceGateway() as gateway:
        start = WITHOUT_POWERS if os.geteuid() == 0 else ()
        done = await to_thread(process, gateway, path, *start)
        assert gateway.journals == {}
    assert done.returncode == 2, done.stderr
    assert f"{path}: cannot be read: Permission denied" in done.stderr
