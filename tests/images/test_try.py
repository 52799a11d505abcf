"""`images/try.sh`: which daemon is used, and that nothing stays behind, with pretended programs."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from manifests.objects import REPOSITORY
from support.processes import alive, eventually

DOCKER = """\
#!/bin/sh
echo "docker $*" >> "$LOG"
case "$*" in
  info) test -e "$STATE/daemon" ;;
  "container ls"*) echo left-behind ;;
esac
"""
DAEMON = """\
#!/bin/sh
echo "daemon $*" >> "$LOG"
case "$1" in
  start)
    test ! -e "$STATE/broken" || exit 1
    sleep 600 >/dev/null 2>&1 &
    echo $! > "$STATE/pid"; touch "$STATE/daemon" ;;
  stop) kill "$(cat "$STATE/pid")"; rm "$STATE/daemon" ;;
esac
"""
NOTE = '#!/bin/sh\necho "{name} $*" >> "$LOG"\n'


@dataclass
class Place:
    """A checkout with the script, beside a folder for CI's tools, and what was called."""

    root: Path

    @property
    def log(self) -> list[str]:
        """Every call, in order."""
        path = self.root / "log"
        return path.read_text().splitlines() if path.exists() else []

    def put(self, name: str, text: str) -> None:
        """Make a program."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def launch(self, **variables: str) -> subprocess.Popen[str]:
        """Run the script."""
        environment = {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "LOG": str(self.root / "log"),
            "STATE": str(self.root / "state"),
            "DOCKER_STATE": str(self.root / "state"),
            "DOCKER": str(self.root / "bin" / "docker"),
            **variables,
        }
        script = self.root / "newstally" / "images" / "try.sh"
        pipe = subprocess.PIPE
        return subprocess.Popen([script], env=environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, **variables: str) -> tuple[int, str]:
        """Run the script to its end; return exit code and output."""
        process = self.launch(**variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out + err


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Neither a daemon nor a tool to start one."""
    place = Place(tmp_path)
    (tmp_path / "state").mkdir()
    place.put("bin/docker", DOCKER)
    place.put("bin/make", NOTE.format(name="make"))
    place.put("newstally/.venv/bin/python", NOTE.format(name="tests"))
    for name in ("images/try.sh", "k8s/60-gateway.yaml"):
        target = tmp_path / "newstally" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, target)
    return place


@pytest.fixture
def equipped(place: Place) -> Iterator[Place]:
    """A tool to start a daemon is there, and no daemon."""
    place.put("shared/ci/docker-daemon.sh", DAEMON)
    place.put("shared/ci/base-image.sh", NOTE.format(name="base"))
    yield place
    if (place.root / "state" / "daemon").exists() and (place.root / "state" / "pid").exists():
        os.kill(int((place.root / "state" / "pid").read_text()), signal.SIGKILL)


def test_without_any_daemon_it_is_skipped_aloud(place: Place) -> None:
    """Nothing runs, and the reason is printed."""
    code, said = place.run()
    assert code == 0
    assert "skipped: no Docker daemon answers" in said
    assert {line.split()[0] for line in place.log} == {"docker"}


def test_a_daemon_that_runs_is_used_and_left_running(equipped: Place) -> None:
    """It was not ours to stop."""
    (equipped.root / "state" / "daemon").touch()
    code, _ = equipped.run()
    assert code == 0
    assert [line for line in equipped.log if not line.startswith("docker")] == [
        "base ",
        "make --no-print-directory images REGISTRY=",
        "tests -m pytest -s tests/images",
    ]


def test_a_daemon_that_was_started_is_stopped(equipped: Place) -> None:
    """And what the tests may have left is removed before."""
    code, _ = equipped.run()
    assert code == 0
    swept = "docker container rm --force --volumes left-behind"
    log = equipped.log
    assert log.index("daemon start") < log.index("tests -m pytest -s tests/images")
    assert log.index(swept) < log.index("daemon stop")
    assert_gone(equipped)


def test_tests_that_fail_stop_the_daemon_too(equipped: Place) -> None:
    """The failure is what the step ends with."""
    equipped.put("newstally/.venv/bin/python", "#!/bin/sh\nexit 3\n")
    code, _ = equipped.run()
    assert code == 3
    assert_gone(equipped)


def test_a_signal_stops_the_daemon_too(equipped: Place) -> None:
    """Whoever gives up waiting leaves nothing behind."""
    waiting = '#!/bin/sh\necho "tests $*" >> "$LOG"\nsleep 2\n'
    equipped.put("newstally/.venv/bin/python", waiting)
    process = equipped.launch()
    eventually(lambda: any(line.startswith("tests") for line in equipped.log), what="tests")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert_gone(equipped)


def test_where_no_daemon_can_be_started_it_is_skipped_aloud(equipped: Place) -> None:
    """Not every machine lets its users run containers; the reason is printed."""
    (equipped.root / "state" / "broken").touch()
    code, said = equipped.run()
    assert code == 0
    assert "skipped: no Docker daemon can be started here" in said
    assert not any(line.startswith("tests") for line in equipped.log)


def test_a_daemon_that_is_named_must_answer(place: Place) -> None:
    """DOCKER_HOST says that there is one."""
    code, said = place.run(DOCKER_HOST="tcp://127.0.0.1:1")
    assert code == 1
    assert "no Docker daemon answers at tcp://127.0.0.1:1" in said


def assert_gone(place: Place) -> None:
    """The daemon was told to stop last, and its process ends, by and by."""
    assert place.log[-1] == "daemon stop"
    pid = int((place.root / "state" / "pid").read_text())
    eventually(lambda: not alive(pid))
