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

README = re.sub(
    r"### With a key and TLS.*?(?=^## )",  # integration/secure/test_up.py
    "",
    (REPOSITORY / "README.md").read_text(),
    flags=re.DOTALL | re.MULTILINE,
)


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


def generic(gateway: str, script: str) -> str:
    """Run a shell script of `buf curl` against the gateway; return what it printed."""
    buf = Path(sys.executable).with_name("buf")
    done = subprocess.run(
        [
            *("bash", "-euo", "pipefail", "-c"),
            script.replace("127.0.0.1:50051", gateway).replace("buf curl", f"{buf} curl"),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_generic_client_needs_only_reflection(gateway: str) -> None:
    """`buf curl` lists the services and uploads the repository's requests as JSON lines."""
    (block,) = blocks("console", "buf curl")
    listed, _, answer = generic(gateway, block).partition("{")
    assert {
        "newstally.v1.GatewayService",
        "newstally.v1.UploadService",
        "newstally.v1.TallyService",
        "grpc.health.v1.Health",
    } <= set(listed.split())
    upload = json.loads("{" + answer)["upload"]
    assert upload["counted"] == upload["nextOffset"] == str(len(requests()))
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", upload["uploadId"])


def test_the_line_of_grpcurl_sends_what_the_gateway_takes(gateway: str) -> None:
    """The same method with the same file on standard input: `buf curl` stands in for grpcurl."""
    (block,) = blocks("console", "grpcurl")
    (line,) = [each for each in block.splitlines() if "UploadArticles" in each]
    match = re.fullmatch(r"grpcurl -plaintext -d @ (\S+) (\S+) < (\S+)", line)
    assert match is not None, line
    address, method, file = match.groups()
    flags = "--protocol grpc --http2-prior-knowledge -d @-"
    answer = generic(gateway, f"buf curl {flags} http://{address}/{method} < {file}")
    assert json.loads(answer)["upload"]["counted"] == str(len(requests()))


def test_a_generic_client_says_so_where_a_field_is_none(gateway: str) -> None:
    """The articles for the command line, with their titles, are not what such a client sends."""
    (block,) = blocks("console", "buf curl")
    with pytest.raises(AssertionError):
        generic(gateway, block.replace("requests.jsonl", "articles.jsonl"))


def test_the_requests_are_sample_articles() -> None:
    """One article of each publication, with nothing changed but the fields that are left out."""
    lines = (REPOSITORY / "sample" / "articles.jsonl").read_text().splitlines()
    articles = [json.loads(line) for line in lines]
    by_id = {article["article_id"]: article for article in articles}
    sent = [request["article"] for request in requests()]
    for article in sent:
        assert article.items() <= by_id[article["article_id"]].items()
        assert {"publication", "content"} <= article.keys()
    publications = [article["publication"] for article in sent]
    assert sorted(publications) == sorted({article["publication"] for article in articles})


def requests() -> list[dict[str, dict[str, str]]]:
    """Return what the repository's file for generic clients holds."""
    text = (REPOSITORY / "sample" / "requests.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


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
