"""The compose file, with compose itself where it is installed."""

import subprocess
from pathlib import Path

import pytest
import yaml
from images.docker import DOCKER
from machine.compose import FILE, PORTS, SECURE, missing, problems
from manifests.objects import REPOSITORY
from manifests.settings import KINDS, settings_of
from newstally_gateway.settings import GatewaySettings


def test_file_and_programs_fit() -> None:
    """Images, settings, ports, memory, times, networks and rights."""
    assert list(problems()) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("newstally-gateway:", "newstally-gateways:"),
        ("newstally-persister:0.", "newstally-persister:9."),
        ("GATEWAY_PERSISTER:", "GATEWAY_JOURNAL:"),
        ("SINK: sqlite", "SINK: postgres"),
        ("persister:50053", "persister:50054"),
        ("dns:///extractor:50052", "extractor:50052"),
        ("127.0.0.1:50051:50051", "50051:50051"),
        ("mem_limit: 2g", "mem_limit: 1g"),
        ("cpus: 1\n", "cpu: 1\n"),
        ('EXTRACTOR_MAX_CONTENT_BYTES: "400000"', 'EXTRACTOR_MAX_CONTENT_BYTES: "300000"'),
        ('MEMORY_BYTES: "536870912"', 'MEMORY_BYTES: "1073741824"'),
        ("stop_grace_period: 30s", "stop_grace_period: 10s"),
        ("data:/data", "data:/journal"),
        ("- ALL", "- NET_RAW"),
        ("../sample:", "../samples:"),
        ("gateway:50051\n", "gateway:50052\n"),
        ("no-new-privileges:true", "no-new-privileges:false"),
        ("      - clients\n    mem_limit: 1g", "    mem_limit: 1g"),
    ],
)
def test_a_broken_copy_is_noticed(right: str, wrong: str, tmp_path: Path) -> None:
    """Each of these would not work, or would let somebody in."""
    text = FILE.read_text()
    assert right in text
    broken = tmp_path / "compose.yaml"
    broken.write_text(text.replace(right, wrong, 1))
    assert list(problems(broken)) != []


def test_what_secures_it_is_found(tmp_path: Path) -> None:
    """Every file that a setting names is in a folder that is mounted, read-only; a copy is not."""
    assert list(missing(SECURE)) == []
    for right, wrong in (
        ("/certificates/ca.crt\n", "/certificates/ca.pem\n"),
        ("./keys:/keys:ro", "./keys:/keys"),
        ("./certificates/door:", "./certificates/doors:"),
        ("KEY_FILE: /keys/local.key", "KEY_FILE: /key"),
    ):
        text = SECURE.read_text()
        assert right in text
        broken = tmp_path / "broken.yaml"
        broken.write_text(text.replace(right, wrong, 1))
        assert list(missing(broken)), right


def test_all_is_secured() -> None:
    """Every port has TLS, and the door has keys."""
    open_, secured = (yaml.safe_load(path.read_text())["services"] for path in (FILE, SECURE))
    assert secured.keys() == open_.keys()
    for name in PORTS:
        environment = {**open_[name]["environment"], **secured[name]["environment"]}
        settings = settings_of(KINDS[f"newstally-{name}"], environment)
        assert not settings.speaks_plain
        assert settings.mtls is not None
        if isinstance(settings, GatewaySettings):
            assert settings.keys is not None


@pytest.mark.parametrize("name", sorted(PORTS))
def test_the_images_listen_there(name: str) -> None:
    """Ports and hosts are the Dockerfiles': compose sets none."""
    dockerfile = (REPOSITORY / name / "Dockerfile").read_text()
    assert f"NEWSTALLY_{name.upper()}_PORT={PORTS[name]}" in dockerfile
    assert f"NEWSTALLY_{name.upper()}_HOST=0.0.0.0" in dockerfile


def test_compose_has_no_complaint() -> None:
    """`docker compose config` takes the file."""
    if DOCKER is None:
        pytest.skip("docker is not installed")
    plugin = subprocess.run([DOCKER, "compose", "version"], capture_output=True, check=False)
    if plugin.returncode != 0:
        pytest.skip("docker has no compose plugin")
    command = [DOCKER, "compose", "--file", str(FILE), "--profile", "client", "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
