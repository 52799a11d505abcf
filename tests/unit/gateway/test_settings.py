"""Wrong settings fail at start, in one line that names them."""

import pytest
from newstally_gateway.settings import GatewaySettings
from newstally_runtime.settings import load


def test_everything_has_a_default() -> None:
    """A gateway starts without a single flag, beside services on their default ports."""
    settings = load(GatewaySettings, [])
    assert settings.port == 50051
    assert settings.extractors == "127.0.0.1:50052"
    assert settings.persister == "127.0.0.1:50053"


def test_the_environment_is_read_and_flags_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """NEWSTALLY_GATEWAY_ and the setting's name in capitals."""
    monkeypatch.setenv("NEWSTALLY_GATEWAY_EXTRACTORS", "dns:///extractor:50052")
    monkeypatch.setenv("NEWSTALLY_GATEWAY_HEARTBEAT", "2.5")
    settings = load(GatewaySettings, ["--heartbeat", "3"])
    assert settings.extractors == "dns:///extractor:50052"
    assert settings.heartbeat == 3.0


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--extractors", "nowhere"),
        ("--extractors", ""),
        ("--persister", "a:1,b:2"),
        ("--persister", "dns:///persister:1"),
        ("--memory-bytes", "100000"),
        ("--max-content-bytes", "1000001"),
        ("--max-content-bytes", "0"),
        ("--article-timeout", "0"),
        ("--heartbeat", "inf"),
        ("--batch-bytes", "4194304"),
        ("--keys", ""),
    ],
)
def test_a_wrong_setting_is_named(
    flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one line that begins with the flag; an empty path is not "here"."""
    with pytest.raises(SystemExit) as ended:
        load(GatewaySettings, [flag, value])
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(flag)


def test_memory_need_only_hold_the_largest_article_that_is_taken() -> None:
    """A smaller content limit makes do with less memory."""
    argv = ["--max-content-bytes", "10000", "--memory-bytes", "100000"]
    assert load(GatewaySettings, argv).memory_bytes == 100_000


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.1.9", "::1", "[::1]", "localhost"])
def test_on_loopback_nothing_has_to_be_said(host: str) -> None:
    """With keys and without."""
    assert load(GatewaySettings, ["--host", host]).host == host
    assert load(GatewaySettings, ["--host", host, "--keys", "keys.json"]).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.0.0.1", "gateway", ""])
def test_beyond_it_the_open_door_is_meant(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without keys everybody is let in, and with keys in plain text everybody may read them."""
    for flags, named in (
        ((), "Value error, --allow-anonymous: "),
        (("--insecure",), "Value error, --allow-anonymous: "),
        (("--keys", "keys.json"), "Value error, --insecure: "),
        (("--keys", "keys.json", "--allow-anonymous"), "Value error, --insecure: "),
    ):
        with pytest.raises(SystemExit) as ended:
            load(GatewaySettings, ["--host", host, *flags])
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(named)
    assert load(GatewaySettings, ["--host", host, "--allow-anonymous"]).allow_anonymous
    assert load(GatewaySettings, ["--host", host, "--keys", "k", "--insecure"]).insecure


@pytest.mark.parametrize(
    ("persister", "here"),
    [
        ("127.0.0.1:50053", True),
        ("[::1]:50053", True),
        ("localhost:50053", True),
        ("persister:50053", False),
        ("10.0.0.1:50053", False),
    ],
)
def test_who_reaches_the_persister_is_known(persister: str, here: bool) -> None:
    """Keys stop nobody there: a gateway says so at its start."""
    assert load(GatewaySettings, ["--persister", persister]).persister_on_loopback is here
