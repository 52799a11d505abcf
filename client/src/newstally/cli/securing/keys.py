"""`newstally key new | list | revoke | rotate | assign`: who may call a gateway."""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from newstally_protos.keys import SCOPES, Key, Limits

from newstally.cli.asking import asking
from newstally.cli.output.tables import Cell, Drawing, print_table
from newstally.cli.running import (
    AsJson,
    Ca,
    KeyFile,
    Target,
    Tls,
    exit_codes,
    make_access,
    print_json,
    run,
    say,
)
from newstally.client import NewstallyClient
from newstally.errors import InputError
from newstally.keys import HandOut, list_keys, make_key, revoke_key, rotate_key, write_private
from newstally.values import Upload

DEFAULT_PATH = Path("newstally-keys.json")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

keys = typer.Typer(
    help="Make, list and revoke the keys that a gateway takes with --keys.",
    no_args_is_help=True,
)

KeysFile = Annotated[
    Path,
    typer.Option("--keys", help="The gateway's keys file.", envvar="NEWSTALLY_KEYS"),
]
Out = Annotated[
    Path | None,
    typer.Option(help="Write the key into a new file (mode 0600) instead of showing it."),
]


def _rate(text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(min=0.0, help=text, show_default=False)
    return option


def _count(text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(min=1, help=text, show_default=False)
    return option


@keys.command()
def new(
    owner: Annotated[str, typer.Argument(metavar="NAME", help="Whose uploads it sees and makes.")],
    *,
    scope: Annotated[
        str, typer.Option(help=f"What it may: some of {', '.join(SCOPES)}, with commas.")
    ] = "read,write",
    publications: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only these, for example 'daily *'. Can be repeated."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long it is good, for example 90d.")
    ] = None,
    weight: Annotated[
        int, typer.Option(min=1, max=1000, help="Its part where there is not enough for all.")
    ] = 1,
    articles_per_second: Annotated[float | None, _rate("Articles that are read.")] = None,
    bytes_per_second: Annotated[float | None, _rate("Bytes of articles that are read.")] = None,
    extractor_seconds_per_second: Annotated[
        float | None, _rate("Processor time of extractors.")
    ] = None,
    streams: Annotated[int | None, _count("Streams open at once.")] = None,
    open_uploads: Annotated[int | None, _count("Uploads that moved within an hour.")] = None,
    uploads_per_day: Annotated[int | None, _count("New uploads in a day (UTC).")] = None,
    publications_per_day: Annotated[int | None, _count("New publications in a day (UTC).")] = None,
    path: KeysFile = DEFAULT_PATH,
    out: Out = None,
) -> None:
    """Make a key, add it to the keys file, and show it: this once.

    Gateways that read the file take it within seconds.
    """
    with exit_codes(), _handing_out(out) as hand_out:
        key = make_key(
            path,
            owner,
            frozenset(filter(None, (each.strip() for each in scope.split(",")))),
            publications=publications or None,
            expires_after=None if expires is None else _length(expires, "--expires"),
            weight=weight,
            limits=Limits(
                articles_per_second=articles_per_second,
                bytes_per_second=bytes_per_second,
                extractor_seconds_per_second=extractor_seconds_per_second,
                streams=streams,
                open_uploads=open_uploads,
                uploads_per_day=uploads_per_day,
                publications_per_day=publications_per_day,
            ),
            hand_out=hand_out,
        )
    _tell(key, path, out)


@keys.command("list")
def list_(path: KeysFile = DEFAULT_PATH, *, as_json: AsJson = False) -> None:
    """List the keys of the keys file. Their secrets are nowhere."""
    with exit_codes(as_json=as_json):
        found = list_keys(path)
    if as_json:
        print_json([_as_json(key) for key in found])
        return
    if not found:
        say(f"{path} has no keys: a gateway that reads it lets nobody in")
        return
    now = datetime.now(UTC)
    print_table(
        ("id", "owner", "scopes", "publications", "expires", "weight", "limits"),
        [_cells(key, now) for key in found],
    )


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `newstally key list` says.")],
    path: KeysFile = DEFAULT_PATH,
) -> None:
    """Take a key out of the keys file. Gateways end its streams within seconds."""
    with exit_codes():
        key = revoke_key(path, key_id)
        say(f"key {key.id} of {key.owner} is revoked")


@keys.command()
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `newstally key list` says.")],
    *,
    keep: Annotated[
        str, typer.Option(metavar="TIME", help="How long the old one is still good.")
    ] = "7d",
    path: KeysFile = DEFAULT_PATH,
    out: Out = None,
) -> None:
    """Make a key that may what an old one may, and show it; both are good for a while."""
    with exit_codes(), _handing_out(out) as hand_out:
        key, old = rotate_key(path, key_id, _length(keep, "--keep"), hand_out)
    _tell(key, path, out)
    say(f"the old key {old.id} is good until {_time(old.expires)}")


@keys.command()
def assign(
    upload_id: Annotated[str, typer.Argument(metavar="ID", help="Of an upload.")],
    owner: Annotated[str, typer.Argument(metavar="NAME", help="As in `newstally key new`.")],
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
) -> None:
    """Give an upload that was made without a key to an owner. Takes a key with the scope admin."""
    with exit_codes(), asking(target, make_access(ca, tls, key_file)) as client:
        upload = run(_assign(client, upload_id, owner))
    say(f"upload {upload.upload_id} is {owner}'s; {upload.next_offset:,} articles are settled")


async def _assign(client: NewstallyClient, upload_id: str, owner: str) -> Upload:
    async with client:
        return await client.assign_upload(upload_id, owner)


@contextlib.contextmanager
def _handing_out(out: Path | None) -> Iterator[HandOut]:
    """Give what shows a key on stdout, which nothing else is written to, or writes it to a file.

    The file goes again where the key does not come into the keys file after all.
    """
    written = False

    def hand_out(key: str) -> None:
        nonlocal written
        if out is not None:
            write_private(out, key + "\n")
            written = True
            return
        try:
            typer.echo(key)
        except OSError as error:
            raise InputError(f"the key cannot be shown: {error.strerror or error}") from error

    try:
        yield hand_out
    except BaseException:
        if out is not None and written:
            out.unlink(missing_ok=True)
        raise


def _tell(key: str, path: Path, out: Path | None) -> None:
    identity = key.partition(".")[0]
    if out is None:
        say(f"key {identity} is in {path}. It is shown this once: keep it, say in NEWSTALLY_KEY")
    else:
        say(f"key {identity} is in {path}, and its secret in {out}: use it with --key-file {out}")


def _length(text: str, option: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if match is None:
        raise InputError(f"{option}: a number with s, m, h or d, for example 90d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _time(when: datetime | None) -> str:
    return "never" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def _cells(key: Key, now: datetime) -> tuple[Cell, ...]:
    over = " (over)" if key.expires is not None and key.expires <= now else ""
    return (
        Drawing(key.id),
        key.owner,
        ",".join(sorted(key.scopes)),
        "all" if key.publications is None else ", ".join(key.publications),
        _time(key.expires) + over,
        key.weight,
        ", ".join(f"{name} {value:g}" for name, value in _limits(key).items()) or "none",
    )


def _limits(key: Key) -> dict[str, float]:
    limits = key.limits
    return {
        name: value for name in limits.__slots__ if (value := getattr(limits, name)) is not None
    }


def _as_json(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "publications": None if key.publications is None else list(key.publications),
        "created": key.created and key.created.isoformat(),
        "expires": key.expires and key.expires.isoformat(),
        "weight": key.weight,
        "limits": _limits(key),
    }
