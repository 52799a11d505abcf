"""A dry run says beforehand what comes of the upload."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.trio import Trio

GOOD = {"publication": "P", "content": "Angela met Berlin."}
REFUSED: dict[str, dict[str, str]] = {
    "PUBLICATION_EMPTY": {"publication": "\u200b"},
    "PUBLICATION_TOO_LONG": {"publication": "P" * 513},
    "MALFORMED": {"publication": "P\x1b[2J"},
    "CONTENT_EMPTY": {"content": " \n"},
    "CONTENT_TOO_LONG": {"content": "x" * 1_000_001},
    "ARTICLE_ID_TOO_LONG": {"article_id": "1" * 257},
}
"""All reasons but those that only extracting shows, and PUBLISH_TIME_INVALID: a time that cannot be
sent is read as none."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Trio(tmp_path_factory.mktemp("trio"), extractors=1) as trio:
        yield trio.gateway.address


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "newstally", "upload", *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_it_foresees_every_reason_but_those_of_extraction(target: str, tmp_path: Path) -> None:
    """As many for each reason, by the real gateway, and the same exit code."""
    path = tmp_path / "in.jsonl"
    lines = [json.dumps(GOOD | wrong) for wrong in ({}, *REFUSED.values(), {})]
    path.write_text("".join(f"{line}\n" for line in lines))
    for wrong, exit_code in ((), 0), (("--max-rejects", "5"), 2), (("--max-rejects", "6"), 0):
        again = ("--again", "--state-dir", str(tmp_path / "states"))
        code, sent = run(str(path), "--target", target, *again, *wrong)
        dry_code, dry = run(str(path), "--dry-run", *wrong)
        assert (code, dry_code) == (exit_code, exit_code)
        assert dry["refused_by_reason"] == dict.fromkeys(REFUSED, 1)
        if not exit_code:
            assert sent["refused_by_reason"] == dry["refused_by_reason"]
            assert sent["counted"] == sum(each["articles"] for each in dry["publications"]) == 2


def test_what_is_malformed_ends_both_alike(target: str, tmp_path: Path) -> None:
    """Exit code 3, and the same number of records."""
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(GOOD) + "\n{\n[]\n")
    code, sent = run(str(path), "--target", target, "--state-dir", str(tmp_path / "states"))
    dry_code, dry = run(str(path), "--dry-run")
    assert (code, dry_code) == (3, 3)
    assert sent["malformed"] == dry["malformed"] == 2
