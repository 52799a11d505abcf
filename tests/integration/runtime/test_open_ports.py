"""A port that is open to whoever reaches it says so at every start, and only such a port."""

from pathlib import Path

import pytest
from support.certificates import flags, make
from support.processes import Process
from support.trio import RULES

OPEN = "port is open to whoever reaches it"


@pytest.mark.parametrize(
    ("given", "secured", "told"),
    [
        ([], False, False),
        (["--host", "0.0.0.0"], False, True),
        (["--host", "0.0.0.0"], True, False),
        (["--host", "0.0.0.0", "--plain-port", "0"], True, True),
        (["--host", "127.0.0.1", "--plain-port", "0"], True, False),
    ],
    ids=["loopback", "plain", "certificates", "both", "both on loopback"],
)
def test_it_is_told(given: list[str], secured: bool, told: bool, tmp_path: Path) -> None:
    """With the port, and what to do."""
    more = flags(make(tmp_path / "certificates"), "extractor") if secured else []
    arguments = ["--engine", RULES, *given, *more]
    with Process("newstally_extractor", arguments, tmp_path / "log") as process:
        (serving,) = process.events("serving")
        assert process.terminate() == 0
    found = process.events(OPEN)
    assert len(found) == told
    if told:
        assert found[0]["port"] == serving.get("plain_port", serving["port"])
        assert "--mtls-cert" in found[0]["remedy"]
    assert serving["tls"] is secured


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--mtls-cert", "c"], "--mtls-key and --mtls-ca: missing"),
        (["--plain-port", "0"], "--plain-port: without certificates --port is plain"),
        (["--mtls-gateways", " , "], "--mtls-gateways: names nobody"),
    ],
)
def test_half_of_it_is_a_wrong_setting(given: list[str], message: str, tmp_path: Path) -> None:
    """Exit code 2, in one line, before a model is loaded."""
    process = Process("newstally_extractor", given, tmp_path / "log")
    process.launch()
    assert process.wait_exit(60) == 2
    assert message in (tmp_path / "log").read_text()


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """Exit code 1 at the start, as it may be half renewed; the log names the file."""
    folder = make(tmp_path / "certificates")
    chain, _, _ = folder.certificate("extractor")
    chain.write_bytes(b"junk")
    arguments = ["--engine", RULES, *flags(folder, "extractor")]
    process = Process("newstally_extractor", arguments, tmp_path / "log")
    process.launch()
    assert process.wait_exit(60) == 1
    (line,) = process.events("cannot start")
    assert str(chain) in line["reason"]
    assert "no certificate in PEM" in line["reason"]
