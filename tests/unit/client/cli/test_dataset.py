"""`newstally dataset all-the-news`, against a local server that breaks off."""

import errno
import hashlib
import http.client
import io
import json
import os
import ssl
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from newstally import GaveUp, InputError
from newstally.inputs import Columns, Source
from newstally.inputs.fetching import Wanted, fetch

from .conftest import Run

HEADER = "date,year,month,day,author,title,article,url,section,publication\n"
CSV = HEADER + "".join(
    f'2016-12-09 18:31:00,2016,12.0,9,A,T,"It is {n}",https://x,,Vox\n' for n in range(4000)
)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # stored, so that it has some size
        archive.writestr("../../all-the-news-2-1.csv", CSV)
    return file.getvalue()


class Server(ThreadingHTTPServer):
    """Gives one file, in pieces: after so many bytes each connection breaks off."""

    def __init__(self, data: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = data
        self.tag = '"1"'
        self.piece = 100_000
        self.resumes = True
        self.codes: list[int] = []
        """What the next requests are answered with, before the file."""
        self.ranges: list[str | None] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever has heard enough closes the connection."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/all-the-news-2-1.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        server.ranges.append(asked)
        if server.codes:
            self.send_error(server.codes.pop(0))
            return
        same = self.headers.get("If-Range") in (None, server.tag)
        begin = int(asked[6:-1]) if asked and server.resumes and same else 0
        if begin and begin >= len(server.data):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(server.data) - begin))
        self.send_header("ETag", server.tag)
        self.end_headers()
        self.wfile.write(server.data[begin : begin + server.piece])

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(zipped()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(server: Server, path: Path, **more: Any) -> list[float]:
    """Fetch without waiting; return the pauses that there would have been."""
    pauses: list[float] = []
    fetch(Wanted(server.url, **more), path, lambda *_: None, pauses.append)
    return pauses


async def test_it_is_fetched_checked_and_unpacked(
    run: Run, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a server that breaks off; the CSV is read as it is, and nothing is written elsewhere."""
    monkeypatch.setattr("newstally.inputs.fetching._LONGEST_PAUSE", 0.0)
    folder = tmp_path / "a" / "b"
    digest = hashlib.sha256(server.data).hexdigest()
    command = ("dataset", "all-the-news", "--folder", folder, "--url", server.url)
    result = await run(*command, "--sha256", digest, "--size", str(len(server.data)))
    csv = folder / "all-the-news-2-1.csv"
    assert (result.exit_code, result.stdout) == (0, f"newstally upload {csv}\n")
    assert csv.read_text() == CSV
    assert sorted(path.name for path in folder.iterdir()) == [
        *("all-the-news-2-1.csv", "all-the-news-2-1.zip"),
    ]
    records = list(Source([csv], Columns()).records())
    assert (len(records), records[7].article.content) == (4000, "It is 7")
    assert str(records[7].article.publish_time) == "2016-12-09 18:31:00+00:00"
    again = await run(*command)
    assert (again.stdout, len(server.ranges)) == (result.stdout, len(server.data) // 100_000 + 1)


def test_a_download_goes_on_where_it_broke_off(server: Server, tmp_path: Path) -> None:
    """Also in another run; what was there is not fetched again."""
    path = tmp_path / "file"
    server.codes = [503]
    with pytest.raises(
        GaveUp, match="Service Unavailable; the same command goes on with the 0 bytes"
    ):
        get(server, path, tries=1)
    server.codes = [200_000 // 400, 429]  # 500, and too many requests
    assert not path.exists()
    pauses = get(server, path)
    assert path.read_bytes() == server.data
    assert pauses[:2] == [2.0, 4.0]
    assert server.ranges[3:6] == [None, "bytes=100000-", "bytes=200000-"]


@pytest.mark.parametrize("change", ["another file", "a server that cannot resume"])
def test_what_cannot_be_gone_on_with_begins_anew(
    server: Server, tmp_path: Path, change: str
) -> None:
    """Never two files in one."""
    path = tmp_path / "file"
    server.codes = []
    part = tmp_path / "file.part"

    def broken(there: int, _total: int | None) -> None:
        if there > 150_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(Wanted(server.url), path, broken, lambda _: None)
    assert part.stat().st_size > 0
    server.piece = 1 << 30
    if change == "another file":
        server.data, server.tag = server.data[::-1], '"2"'
    else:
        server.resumes = False
    get(server, path)
    assert path.read_bytes() == server.data
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_what_is_not_the_file_is_removed(server: Server, tmp_path: Path) -> None:
    """Size and checksum; and an address that is none, or where nothing is."""
    path = tmp_path / "file"
    with pytest.raises(InputError, match=r"its SHA-256 is .* begins anew"):
        get(server, path, sha256="0" * 64)
    with pytest.raises(InputError, match=r"bytes, and 7 are expected"):
        get(server, path, size_bytes=7)
    server.codes = [404]
    with pytest.raises(InputError, match="404"):
        get(server, path)
    with pytest.raises(InputError, match="only http:// and https:// are fetched"):
        fetch(Wanted("file:///etc/passwd"), path, lambda *_: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "failure",
    [
        ssl.SSLError(1, "decryption failed or bad record mac"),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        OSError(errno.ENETDOWN, "Network is down"),
        TimeoutError("timed out"),
    ],
)
def test_whatever_breaks_a_connection_off_is_tried_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: OSError
) -> None:
    """And where it was, although the system calls it an error like those of disks."""
    failures = [failure]
    read1 = http.client.HTTPResponse.read1

    def breaking(response: http.client.HTTPResponse, number: int = -1) -> bytes:
        if server.ranges[-1] and failures:
            raise failures.pop()
        return read1(response, number)

    monkeypatch.setattr(http.client.HTTPResponse, "read1", breaking)
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == server.data
    assert (failures, server.ranges[1:3]) == ([], ["bytes=100000-"] * 2)


def test_a_connection_that_breaks_off_before_the_answer_is_tried_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing makes a URLError of it; in the end it says what failed."""

    def breaking(_connection: object) -> None:
        raise ssl.SSLError(1, "bad record mac")

    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", breaking)
    with pytest.raises(GaveUp, match=r"bad record mac.*the same command goes on"):
        get(server, tmp_path / "file", tries=2)


def test_a_disk_without_room_is_told(server: Server, tmp_path: Path) -> None:
    """At once, and with what to do."""
    server.piece = 1_000
    part = tmp_path / "file.part"
    part.symlink_to("/dev/full")
    part.with_name("file.part.json").write_text(json.dumps({"url": server.url}))
    message = r"file\.part: cannot be written: No space left on device; make room"
    with pytest.raises(InputError, match=message):
        get(server, tmp_path / "file")
    assert len(server.ranges) == 1


@pytest.mark.parametrize(
    "url",
    [
        *("http://[bad", "http://[bad/a.zip", "http://127.0.0.1:x/a.zip"),
        *("http://127.0.0.1/a b.zip", f"http://{'a' * 70}.example/a.zip"),
    ],
)
async def test_an_address_that_is_none_is_told(run: Run, tmp_path: Path, url: str) -> None:
    """Exit code 2, at once; from the library an InputError."""
    result = await run("dataset", "all-the-news", "--folder", tmp_path, "--url", url)
    assert (result.exit_code, f"error: {url}: is no address" in result.stderr) == (2, True)
    assert "https://HOST/FILE" in result.stderr


@pytest.mark.parametrize("folder", ["file", "file/a/b", "a" * 300])
async def test_a_folder_that_cannot_be_made_is_told(run: Run, tmp_path: Path, folder: str) -> None:
    """Exit code 2, with the option that names another."""
    (tmp_path / "file").touch()
    result = await run("dataset", "all-the-news", "--folder", tmp_path / folder)
    assert result.exit_code == 2
    assert f"error: {tmp_path / folder}"[:40] in result.stderr
    assert "with --folder" in result.stderr


@pytest.mark.parametrize("name", ["a" * 300, "a%00b"])
async def test_a_name_that_no_file_can_have_is_no_traceback(
    run: Run, server: Server, tmp_path: Path, name: str
) -> None:
    """It is told, or has another one."""
    server.codes = [404]
    url = f"{server.url}/{name}"
    result = await run("dataset", "all-the-news", "--folder", tmp_path, "--url", url)
    assert (result.exit_code, result.stderr.startswith("error: ")) == (2, True)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
async def test_what_is_damaged_is_not_unpacked(run: Run, tmp_path: Path, method: int) -> None:
    """Exit code 2 and the remedy; nothing is left of it."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("all-the-news-2-1.csv", CSV)
    data = bytearray(path.read_bytes())
    data[60:90] = b"\xff" * 30  # after the name, and so in what is compressed
    path.write_bytes(data)
    url = "http://127.0.0.1:1/set.zip"
    result = await run("dataset", "all-the-news", "--folder", tmp_path, "--url", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: {path}: " in result.stderr
    assert os.listdir(tmp_path) == ["set.zip"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["articles1.csv", "articles2.csv", "articles3.csv"], 3),
        (["articles1.csv.zip", "articles2.csv", "articles3.csv.gz"], 3),
        (["articles1.csv", "articles2.csv", "all-the-news-2-1.csv"], 1),
    ],
)
async def test_what_is_there_is_found(
    run: Run, tmp_path: Path, names: list[str], found: int
) -> None:
    """By the usual names, packed or not; half an edition is none."""
    for name in names:
        (tmp_path / name).touch()
    result = await run("dataset", "all-the-news", "--folder", tmp_path)
    assert (result.exit_code, len(result.stdout.split()) - 2) == (0, found)


async def test_what_has_to_be_fetched_by_hand_is_told(run: Run, tmp_path: Path) -> None:
    """Which files, from where, and where to put them: exit code 2."""
    result = await run("dataset", "all-the-news", "--folder", tmp_path)
    assert result.exit_code == 2
    for word in ("articles1.csv", "all-the-news-2-1.csv", "kaggle.com", str(tmp_path), "--url"):
        assert word in result.stderr
