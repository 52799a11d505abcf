"""`newstally cert`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from newstally.certificates import check_installed
from newstally.cli.running import exit_codes, say

DAYS = 90.0


def cert(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Where they are, or shall be made; keep it secret."),
    ],
    *,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            help="What clients call the gateway, a host name or an address; repeatable. localhost"
            " is always among them.",
        ),
    ] = None,
    days: Annotated[float, typer.Option(min=0.01, help="How long they are valid.")] = DAYS,
) -> None:
    """Make certificates for an installation: an authority, and one for each service.

    Run again, it renews all but the authority. Services take new files without
    a restart.
    """
    with exit_codes():
        check_installed()
        # Not above: who has no need of it need not have the library.
        from newstally.certificates.folder import Folder  # noqa: PLC0415

        folder = Folder(directory)
        made = folder.make(names or (), datetime.now(UTC), days)
    if "ca" in made:
        say(f"made an authority; {directory / 'ca-key.pem'} is its key, which no service needs")
    for name in made:
        if name != "ca":
            typer.echo(str(directory / name))
    say(f"clients believe it with --ca {folder.authority} (or NEWSTALLY_CA)")
