"""The supervisor of `newstally up`, over real processes that do nothing."""

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from newstally.up import Output, StartFailed, Supervisor
from newstally.up.ports import until_free
from support import fake_trio
from support.processes import eventually

DEADLINE_SECONDS = 60.0
SLOW_DRAIN_SECONDS = 600.0
"""Far beyond that: who waits for it has not ended in time."""


@contextmanager
def trio(
    journal: Path, *behaviours: str, drain_seconds: float = DEADLINE_SECONDS
) -> Iterator["subprocess.Popen[str]"]:
    """A process that runs the supervisor; it and what it left behind end with the block."""
    process = subprocess.Popen(
        [sys.executable, fake_trio.__file__, str(journal), str(drain_seconds), *behaviours],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        for pid in pids(journal):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def rows(journal: Path) -> list[list[str]]:
    return [line.split() for line in journal.read_text().splitlines()] if journal.exists() else []


def pids(journal: Path) -> set[int]:
    return {int(row[2]) for row in rows(journal)}


def wait_until_gone(journal: Path) -> None:
    """Wait for the children's end; they may be anybody's children by now."""
    eventually(lambda: not any(map(runs, pids(journal))), what="all children are gone")


def runs(pid: int) -> bool:
    """Whether there is such a process. Nobody may wait for one that has ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_the_dashboard_comes_last_and_goes_first(tmp_path: Path) -> None:
    """It is told where the gateway is; the line says where it is itself, as browsers want it."""
    journal = tmp_path / "journal"
    with trio(journal, "dashboard=good") as process:
        line = read_line(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE_SECONDS)
    starts = {row[0]: row for row in rows(journal) if row[1] == "start"}
    gateway, dashboard = (starts[name][3].split("/")[0] for name in ("gateway", "dashboard"))
    assert line.endswith(f", dashboard http://127.0.0.1:{dashboard}/\n")
    assert starts["dashboard"][4] == f"127.0.0.1:{gateway}"
    assert list(starts)[-1] == "dashboard"
    assert next(row[0] for row in rows(journal) if row[1] == "stop") == "dashboard"
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_says_when_all_are_ready_and_stops_in_order(tmp_path: Path, number: int) -> None:
    """One line on stdout; on a signal the gateway ends first, the persister last; exit code 0."""
    journal = tmp_path / "journal"
    with trio(journal) as process:
        line = read_line(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    started = {row[0]: row[3].split("/")[0] for row in rows(journal) if row[1] == "start"}
    assert line == (
        f"ready: gateway 127.0.0.1:{started['gateway']},"
        f" extractor-1 127.0.0.1:{started['extractor-1']},"
        f" extractor-2 127.0.0.1:{started['extractor-2']},"
        f" persister 127.0.0.1:{started['persister']}\n"
    )
    assert out == ""
    assert process.returncode == 0
    stopped = [row[0] for row in rows(journal) if row[1] == "stop"]
    assert (stopped[0], stopped[-1], len(stopped)) == ("gateway", "persister", 4)
    assert "gateway     serving port=" in err


def test_the_gateway_learns_the_others_addresses(tmp_path: Path) -> None:
    """Ports that the system chose are passed on."""
    journal = tmp_path / "journal"
    with trio(journal) as process:
        read_line(process)
    started = {row[0]: row for row in rows(journal) if row[1] == "start"}
    ports = {name: row[3].split("/")[0] for name, row in started.items()}
    persister, extractors = started["gateway"][4:]
    assert persister == f"127.0.0.1:{ports['persister']}"
    assert extractors == f"127.0.0.1:{ports['extractor-1']},127.0.0.1:{ports['extractor-2']}"


@pytest.mark.slow
def test_nothing_survives_when_it_is_killed(tmp_path: Path) -> None:
    """kill -9 of the supervisor ends every child, also one that ignores SIGTERM."""
    journal = tmp_path / "journal"
    with trio(journal, "extractor-1=stubborn") as process:
        read_line(process)
        assert len(pids(journal)) == 4
        process.kill()
        wait_until_gone(journal)


def test_a_child_that_dies_is_started_again_on_the_same_ports(tmp_path: Path) -> None:
    """The others keep its address, so it has to come back there."""
    journal = tmp_path / "journal"
    with trio(journal, "extractor-1=once") as process:
        assert read_line(process).startswith("ready:")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    first, second = [r for r in rows(journal) if r[:2] == ["extractor-1", "start"]]
    assert first[3] == second[3]
    assert "WARNING service died; starting it again name=extractor-1 exit_code=-9" in err
    assert process.returncode == 0


def test_a_child_that_no_restart_mends_ends_it(tmp_path: Path) -> None:
    """Exit code 2 of a child that has served: its reason is shown, and it is not started again."""
    journal = tmp_path / "journal"
    with trio(journal, "persister=mismatched") as process:
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 2
    assert "error: persister cannot go on: stopped, the journal is older" in err
    assert len([row for row in rows(journal) if row[:2] == ["persister", "start"]]) == 1


def test_wrong_configuration_ends_it_with_the_childs_message(tmp_path: Path) -> None:
    """Exit code 2 of a child that never served is not tried again."""
    journal = tmp_path / "journal"
    with trio(journal, "extractor-2=misconfigured") as process:
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
        wait_until_gone(journal)
    assert (process.returncode, out) == (2, "")
    assert "error: extractor-2: wrong configuration: --model" in err


def test_data_in_use_names_the_flag_that_the_user_typed(tmp_path: Path) -> None:
    """The persister speaks of its --data-dir; here that is --data."""
    with trio(tmp_path / "journal", "persister=locked") as process:
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 2
    assert err.splitlines()[-1] == (
        "error: persister: wrong configuration: cannot start, d is in use: set --data to a"
        " directory of its own"
    )


@pytest.mark.slow
def test_a_child_that_ignores_sigterm_is_killed_in_time(tmp_path: Path) -> None:
    """Stopping takes no longer than the drain time and a few seconds."""
    journal = tmp_path / "journal"
    with trio(journal, "gateway=stubborn", drain_seconds=2.0) as process:
        read_line(process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0
    assert "WARNING service did not stop; killing it name=gateway" in err


def test_a_second_signal_kills(tmp_path: Path) -> None:
    """Who presses Ctrl-C twice does not want to wait."""
    journal = tmp_path / "journal"
    with trio(journal, "gateway=stubborn", drain_seconds=SLOW_DRAIN_SECONDS) as process:
        read_line(process)
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        while "stopping" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_SECONDS)
        wait_until_gone(journal)


async def test_a_child_that_never_serves_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that fails again and again is not tried for ever; the last message is shown."""
    monkeypatch.setattr("newstally.up.child.FIRST_START_TRIES", 2)
    plan = fake_trio.make_plan(str(tmp_path / "journal"), {"persister": "broken"})
    supervisor = Supervisor(plan, Output(io.StringIO(), as_json=True, colour=False), print)
    with pytest.raises(StartFailed, match="persister died 2 times while starting: cannot work"):
        await asyncio.wait_for(supervisor.run(), DEADLINE_SECONDS)


async def test_a_port_that_stays_taken_is_told() -> None:
    """The message names the port and the flag."""
    with socket.socket() as taken:
        port = listen(taken)
        with pytest.raises(StartFailed, match=f"port {port} cannot be used .* --port"):
            await until_free(port, 0.0, lambda: None)


async def test_a_port_that_a_draining_gateway_still_has_is_waited_for() -> None:
    """Right after a kill -9 of the supervisor; that it waits is told once."""
    with socket.socket() as taken:
        port = listen(taken)
        told = []

        def free() -> None:
            told.append(port)
            taken.close()

        await until_free(port, DEADLINE_SECONDS, free)
    assert told == [port]
    await until_free(port, 0.0, free)
    assert told == [port]


async def test_it_starts_while_a_killed_ones_gateway_still_drains(tmp_path: Path) -> None:
    """The port comes free a little later; until then nothing is started, and nothing fails."""
    journal = tmp_path / "journal"
    said: list[str] = []
    with socket.socket() as taken:
        port = listen(taken)

        class FreeingOutput(Output):
            def event(self, text: str, level: str = "info", **fields: object) -> None:
                if text == "port is taken; waiting":
                    assert rows(journal) == []
                    taken.close()

        def stop(line: str) -> None:
            said.append(line)
            os.kill(os.getpid(), signal.SIGTERM)

        plan = fake_trio.make_plan(str(journal), {})
        plan = replace(plan, gateway=replace(plan.gateway, port=port))
        output = FreeingOutput(io.StringIO(), as_json=True, colour=False)
        await asyncio.wait_for(Supervisor(plan, output, stop).run(), DEADLINE_SECONDS)
    assert said[0].startswith(f"ready: gateway 127.0.0.1:{port},")


def listen(server: socket.socket) -> int:
    server.bind(("127.0.0.1", 0))
    server.listen()
    port: int = server.getsockname()[1]
    return port
