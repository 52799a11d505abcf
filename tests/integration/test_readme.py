"""What the README tells a user to do works as it stands there."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import REPOSITORY
from support.trio import Trio

README = (REPOSITORY / "README.md").read_text()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running gateway."""
    with Trio(tmp_path_factory.mktemp("readme"), extractors=1) as trio:
        yield trio.gateway.address


def blocks(language: str, containing: str) -> list[str]:
    """Return the README's code blocks of a language that contain a text."""
    found = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    return [block for block in found if containing in block]


@pytest.mark.parametrize("mark", ["NewstallyClient", "GatewayServiceStub"])
def test_the_python_examples_upload_two_articles(gateway: str, mark: str, tmp_path: Path) -> None:
    """Both pages of Python run as they are and count two articles."""
    (page,) = blocks("python", mark)
    script = tmp_path / "page.py"
    script.write_text(page.replace("127.0.0.1:50051", gateway))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "2"


def test_a_generic_client_needs_only_reflection(gateway: str) -> None:
    """`buf curl` lists the services and uploads two articles as JSON lines."""
    (block,) = blocks("console", "buf curl")
    buf = Path(sys.executable).with_name("buf")
    script = block.replace("127.0.0.1:50051", gateway).replace("buf curl", f"{buf} curl")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listed, _, answer = done.stdout.partition("{")
    assert {
        "newstally.v1.GatewayService",
        "newstally.v1.UploadService",
        "newstally.v1.TallyService",
        "grpc.health.v1.Health",
    } <= set(listed.split())
    upload = json.loads("{" + answer)["upload"]
    assert upload["counted"] == upload["nextOffset"] == "2"
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", upload["uploadId"])


def test_every_make_target_named_in_the_readme_exists() -> None:
    """No command is promised that the Makefile does not have."""
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_every_file_linked_from_the_readme_exists() -> None:
    """No link of the README leads nowhere."""
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (REPOSITORY / link).exists(), link
