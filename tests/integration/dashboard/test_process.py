"""The dashboard as a process: limits, troubles, keys, metrics, and its end."""

import concurrent.futures
import itertools
import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from newstally.keys import make_key, revoke_key
from support import certificates
from support.browsing import NOWHERE, Shown, ask
from support.processes import Process, eventually

NATO = ("nato", "ORG")


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    """With the command; and shows what came without being started again."""
    with Shown(tmp_path, ["--cache-seconds", "0.1"]) as shown:
        page = shown.whole("/", "No articles yet")
        assert "newstally upload" in page.seen
        assert shown.get("/search?q=na").status == 200
        shown.record("job", [("The Post", [NATO], None)])
        eventually(lambda: "The Post" in shown.get("/").seen)


def test_a_gateway_that_is_away(tmp_path: Path) -> None:
    """Pages say so and what to do; when it is back, so are they."""
    with Shown(tmp_path, ["--cache-seconds", "0.1", "--call-timeout", "2"]) as shown:
        shown.record("job", [("The Post", [NATO], None)])
        eventually(lambda: shown.get("/publication?name=The+Post").status == 200)
        shown.gateway.kill()
        eventually(lambda: shown.get("/publication?name=The+Post").status == 503)
        eventually(lambda: shown.get("/").status == 503)
        shown.whole("/", "newstally status")
        eventually(lambda: shown.get("/status").status == 503)
        assert '"ready": true' in shown.dashboard.admin("/readyz")
        shown.start_gateway()
        eventually(lambda: shown.get("/").status == 200)


def test_equal_questions_are_asked_once(tmp_path: Path) -> None:
    """However many readers ask at the same time."""
    with Shown(tmp_path, ["--cache-seconds", "600", "--call-timeout", "60"]) as shown:
        shown.record("job", [("The Post", [NATO], None)])
        with concurrent.futures.ThreadPoolExecutor(20) as readers:
            pages = list(readers.map(shown.get, ["/entity?text=nato"] * 40))
        assert {page.status for page in pages} == {200}
        calls = "newstally_dashboard_calls_total"
        assert shown.dashboard.metric(calls, method="GetEntityHistory") == 1
        assert shown.dashboard.metric(calls, method="ListEntityPublications") == 1
        questions = "newstally_dashboard_questions_total"
        saved = sum(
            shown.dashboard.metric(questions, source=source) for source in ("cache", "joined")
        )
        assert saved == 78
        requests = "newstally_dashboard_requests_total"
        assert shown.dashboard.metric(requests, page="/entity", status="200") == 40
        # Where it did not come while a page waited, the page lacks it.
        complete = {page.body for page in pages if 'class="pending"' not in page.text}
        assert complete <= {shown.whole("/entity?text=nato").body}


def test_too_many_questions_are_turned_away(tmp_path: Path) -> None:
    """Readers never ask more of the gateway than was said."""
    flags = ["--max-waiting", "1", "--max-calls", "1", "--call-timeout", "60"]
    with Shown(tmp_path, flags) as shown, concurrent.futures.ThreadPoolExecutor(6) as readers:
        os.kill(shown.persister.pid, signal.SIGSTOP)
        try:
            asked = [readers.submit(shown.get, f"/publication.csv?name={n}") for n in range(6)]
            answered = concurrent.futures.as_completed(asked, timeout=50)
            pages = [future.result() for future in itertools.islice(answered, 5)]
        finally:
            os.kill(shown.persister.pid, signal.SIGCONT)
        assert {page.status for page in pages} == {503}
        assert all(page.headers["Retry-After"] for page in pages)
        assert all("Too many questions at once" in page.seen for page in pages)


def test_a_question_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """The page says so, and may be asked for again."""
    with Shown(tmp_path, ["--call-timeout", "0.5"]) as shown:
        os.kill(shown.persister.pid, signal.SIGSTOP)
        try:
            page = shown.get("/publication.csv?name=0")
        finally:
            os.kill(shown.persister.pid, signal.SIGCONT)
        assert page.status == 503
        assert page.headers["Retry-After"]
        assert "No answer in time" in page.seen


def test_keys_over_tls(tmp_path: Path) -> None:
    """A key that may only read is enough; a new one in its file is taken without a restart."""
    folder, keys = certificates.make(tmp_path / "certificates"), tmp_path / "keys.json"
    chain, key, _ = folder.certificate("door")
    key_file = tmp_path / "key"
    first = make_key(keys, "me", ("read",))
    key_file.write_text(first)
    flags = ["--tls-cert", str(chain), "--tls-key", str(key), "--keys", str(keys)]
    access = ["--ca", str(folder.authority), "--key-file", str(key_file), "--cache-seconds", "0.1"]
    with Shown(tmp_path, access, flags) as shown:
        shown.record("job", [("The Post", [NATO], None)])
        page = shown.whole("/", "The Post")
        assert first.partition(".")[2] not in page.text
        eventually(lambda: shown.get("/status").status == 200)
        revoke_key(keys, first.partition(".")[0])
        eventually(lambda: shown.get("/").status == 502)
        assert "--key-file" in shown.get("/").seen
        key_file.write_text(make_key(keys, "me", ("read",)))
        eventually(lambda: shown.get("/").status == 200)
    assert first.partition(".")[2] not in (tmp_path / "dashboard.log").read_text()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--host", "0.0.0.0"], "--names"),
        (["--key-file", "missing"], "--key-file missing"),
        (["--ca", "missing"], "--ca missing"),
        (["--gateway", "http://a"], "http"),
    ],
)
def test_a_wrong_setting_ends_it_at_once(tmp_path: Path, flags: list[str], said: str) -> None:
    """Exit code 2, and a line that says why."""
    process = Process("newstally_dashboard", flags, tmp_path / "log")
    process.launch()
    assert process.wait_exit() == 2
    assert said in (tmp_path / "log").read_text()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Exit code 1: it may be free at the next start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = Process("newstally_dashboard", [], tmp_path / "log")
        process.port = taken.getsockname()[1]
        process.launch()
        assert process.wait_exit() == 1
    assert "cannot listen" in (tmp_path / "log").read_text()


def test_a_page_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    """SIGTERM takes no new connections, and lets pages end."""
    with Shown(tmp_path, ["--call-timeout", "60", "--drain", "60"]) as shown:
        os.kill(shown.persister.pid, signal.SIGSTOP)
        answers = []
        reader = threading.Thread(
            target=lambda: answers.append(shown.get("/publication.csv?name=The+Post"))
        )
        reader.start()
        calls = "newstally_dashboard_questions_total"
        eventually(lambda: shown.dashboard.metric(calls, source="gateway") > 0)
        ended = threading.Thread(target=lambda: codes.append(shown.dashboard.terminate()))
        codes: list[int] = []
        ended.start()
        eventually(lambda: shown.dashboard.events("draining"))
        os.kill(shown.persister.pid, signal.SIGCONT)
        reader.join(60)
        ended.join(60)
        assert codes == [0]
        assert [answer.status for answer in answers] == [404]


@pytest.mark.parametrize("before", [b"", b"HEAD /compare HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_a_connection_that_does_not_end_its_request_is_closed(
    tmp_path: Path, before: bytes
) -> None:
    """However often a byte comes, and whatever was answered before.

    Or a few of them would keep all readers out.
    """
    process = Process("newstally_dashboard", ["--gateway", NOWHERE], tmp_path / "log")
    with process, socket.create_connection(("127.0.0.1", process.port), timeout=60) as slow:
        slow.sendall(before)
        answer = b""
        while before and b"\r\n\r\n" not in answer:
            answer += slow.recv(4096)
        assert before == b"" or b" 200 " in answer
        slow.settimeout(0.1)
        eventually(lambda: hung_up(slow), seconds=30)
        assert ask(process, "/compare").status == 200


def hung_up(slow: socket.socket) -> bool:
    """Send a byte more; return whether the other end has closed."""
    try:
        slow.sendall(b"G")
        return slow.recv(100) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_bad_requests_do_not_fill_the_log(tmp_path: Path) -> None:
    """Whatever is wrong with them: one line, which says how many it stands for."""
    upgrade = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    with Process("newstally_dashboard", ["--gateway", NOWHERE], tmp_path / "log") as process:
        for request in (b"junk\r\n\r\n", upgrade) * 20:
            with socket.create_connection(("127.0.0.1", process.port), timeout=60) as connection:
                connection.sendall(request)
                assert connection.recv(100)
        (line,) = process.events("request that cannot be answered")
        assert (line["times"], line["reason"]) == (1, "Invalid HTTP request received.")
        text = (tmp_path / "log").read_text()
        assert text.count("Invalid HTTP request") == 1
        assert "upgrade" not in text
