"""`newstally key`."""

import json
import resource
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from newstally.keys import list_keys, make_key
from support.reference_gateway import ReferenceGateway

from .conftest import Run


async def test_a_key_is_shown_once_and_alone(run: Run, tmp_path: Path) -> None:
    """Stdout has the key and nothing else; the list has no secret."""
    path = tmp_path / "keys.json"
    made = await run(
        *("key", "new", "team-a", "--keys", path, "--scope", "read, write,admin"),
        *("--publications", "daily *", "--publications", "The Post", "--expires", "90d"),
        *("--articles-per-second", "2.5", "--streams", "3"),
    )
    assert made.exit_code == 0, made.stderr
    (line,) = made.stdout.splitlines()
    identity, _, secret = line.partition(".")
    assert secret not in made.stderr
    (key,) = list_keys(path)
    assert (key.id, key.scopes) == (identity, frozenset({"read", "write", "admin"}))
    assert (key.limits.articles_per_second, key.limits.streams) == (2.5, 3)
    listed = await run("key", "list", "--keys", path)
    as_json = await run("key", "list", "--keys", path, "--json")
    heads, row = listed.stdout.splitlines()  # in a pipe a row is one line
    assert heads.split()[:3] == ["id", "owner", "scopes"]
    assert row.split()[:3] == [identity, "team-a", "admin,read,write"]
    assert secret not in listed.stdout + as_json.stdout
    assert key.sha256 not in listed.stdout + as_json.stdout
    (shown,) = json.loads(as_json.stdout)
    assert (shown["id"], shown["owner"]) == (identity, "team-a")
    assert shown["publications"] == ["daily *", "The Post"]
    assert shown["limits"] == {"articles_per_second": 2.5, "streams": 3}


async def test_a_key_goes_to_a_private_file_if_asked_to(run: Run, tmp_path: Path) -> None:
    """Nobody else may read it; a file that is there is not overwritten, and no key is left over."""
    path, out = tmp_path / "keys.json", tmp_path / "key"
    made = await run("key", "new", "a", "--keys", path, "--out", out)
    assert (made.exit_code, made.stdout) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (key,) = list_keys(path)
    assert out.read_text().startswith(f"{key.id}.")
    again = await run("key", "new", "a", "--keys", path, "--out", out)
    assert again.exit_code == 2
    assert list_keys(path) == (key,)


@pytest.mark.parametrize("limit", [10, 100], ids=["the secret", "the keys file"])
@pytest.mark.parametrize("command", ["new", "rotate"])
def test_on_a_full_disk_nothing_is_changed(tmp_path: Path, command: str, limit: int) -> None:
    """Neither a key whose secret nobody has, nor a secret without its key; the old one lives on."""
    path, out = tmp_path / "keys.json", tmp_path / "key"
    old = make_key(path, "a").partition(".")[0]
    before = path.read_bytes()
    made = newstally(
        *("key", command, "b" if command == "new" else old, "--keys", path, "--out", out),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr == f"error: {out if limit == 10 else path}: File too large\n"
    assert path.read_bytes() == before
    assert not out.exists()


@pytest.mark.parametrize("command", ["new", "rotate"])
def test_a_key_that_cannot_be_shown_is_not_made(tmp_path: Path, command: str) -> None:
    """Stdout may be a file on a full disk."""
    path = tmp_path / "keys.json"
    old = make_key(path, "a").partition(".")[0]
    before = path.read_bytes()
    with open("/dev/full", "w") as full:
        made = newstally(
            *("key", command, "b" if command == "new" else old, "--keys", path), stdout=full
        )
    assert made.returncode == 2
    assert made.stderr == "error: the key cannot be shown: No space left on device\n"
    assert path.read_bytes() == before


def newstally(*arguments: str | Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "newstally", *arguments],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings},
    )


async def test_keys_are_rotated_and_revoked(run: Run, tmp_path: Path) -> None:
    """By their ids."""
    path = tmp_path / "keys.json"
    old = (await run("key", "new", "a", "--keys", path)).stdout.partition(".")[0]
    new = await run("key", "rotate", old, "--keep", "1h", "--keys", path)
    assert new.exit_code == 0, new.stderr
    assert f"the old key {old} is good until" in new.stderr
    revoked = await run("key", "revoke", old, "--keys", path)
    assert (revoked.exit_code, revoked.stderr) == (0, f"key {old} of a is revoked\n")
    assert [key.id for key in list_keys(path)] == [new.stdout.partition(".")[0]]
    gone = await run("key", "revoke", old, "--keys", path)
    assert (gone.exit_code, "no key has the id" in gone.stderr) == (2, True)


@pytest.mark.parametrize(
    "flags",
    [
        ("key", "new", "a/b"),
        ("key", "new", "a", "--scope", "root"),
        ("key", "new", "a", "--scope", ""),
        ("key", "new", "a", "--expires", "soon"),
        ("key", "new", "a", "--articles-per-second", "0"),
        ("key", "list"),
    ],
)
async def test_wrong_usage_is_told_and_makes_no_file(
    run: Run, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    """Exit code 2."""
    result = await run(*flags, "--keys", tmp_path / "keys.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert not (tmp_path / "keys.json").exists()


class Doorkeeper(grpc.aio.ServerInterceptor):
    """Lets in who shows the one key."""

    def __init__(self, key: str) -> None:
        self._shown = f"Bearer {key}"

    async def intercept_service(self, continuation, details):  # type: ignore[no-untyped-def]
        if ("authorization", self._shown) in details.invocation_metadata:
            return await continuation(details)

        async def reject(_request: object, context: grpc.aio.ServicerContext) -> None:  # type: ignore[type-arg]
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a key is needed: ask for one")

        return grpc.unary_unary_rpc_method_handler(reject)


async def test_every_command_shows_the_key(
    run: Run, tmp_path: Path, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file or the environment; without one the remedy is told, and nothing is retried."""
    secret = "0123456789abcdef.notforeverybody"
    path = tmp_path / "key"
    path.write_text(secret + "\n")
    commands: list[tuple[str | Path, ...]] = [
        ("upload", articles, "--upload-id", "job"),
        ("uploads",),
        ("refusals", "job"),
        ("publications",),
        ("top", "The Daily"),
    ]
    async with ReferenceGateway(interceptors=[Doorkeeper(secret)]) as gateway:
        target = ("--target", gateway.target)
        for command in commands:
            refused = await run(*command, *target)
            assert (refused.exit_code, "ask for one" in refused.stderr) == (1, True), command
            wrong = await run(*command, *target, "--key-file", tmp_path / "nothing")
            assert (wrong.exit_code, "--key-file" in wrong.stderr) == (2, True), command
            shown = await run(*command, *target, "--key-file", path)
            assert (shown.exit_code, secret in shown.output) == (0, False), shown.output
        monkeypatch.setenv("NEWSTALLY_KEY", secret)
        for command in commands:
            shown = await run(*command, *target)
            assert shown.exit_code == 0, shown.output
            elsewhere = await run(*command, "--target", "gateway:50051")
            assert (elsewhere.exit_code, "in plain text" in elsewhere.stderr) == (2, True), command
            assert secret not in elsewhere.output


async def test_only_an_admin_key_assigns(run: Run) -> None:
    """The gateway decides; what it says is told."""
    async with ReferenceGateway() as gateway:
        denied = await run("key", "assign", "job", "team-a", "--target", gateway.target)
    assert (denied.exit_code, "has not the scope admin" in denied.stderr) == (1, True)
