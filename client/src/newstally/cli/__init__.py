"""The command line, `newstally`; `newstally --help` lists its commands.

Exit codes: 0 done, articles that the gateway refused included (they are reported); 1 the gateway
refused for good, or patience ran out; 2 wrong usage, or an input that cannot be used; 3 done, but
records of the input were malformed and so not counted; 130 interrupted (an upload can be resumed);
143 terminated, likewise.
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from newstally.cli.configuration import VARIABLE, defaults
from newstally.cli.dataset import dataset
from newstally.cli.reading.compare import compare
from newstally.cli.reading.export import export
from newstally.cli.reading.find import find
from newstally.cli.reading.history import history
from newstally.cli.reading.rising import rising
from newstally.cli.reading.uploads import list_uploads, refusals, show_upload
from newstally.cli.running import exit_codes
from newstally.cli.securing.cert import cert
from newstally.cli.securing.keys import keys
from newstally.cli.status.command import status
from newstally.cli.tallies import publications, top
from newstally.cli.up import up
from newstally.cli.upload import upload

app = typer.Typer(
    name="newstally",
    help="Count who and what the news mentions.",
    epilog="Exit codes: 0 done (refused articles are reported, not a failure); 1 refused for good"
    " or gave up; 2 wrong usage or input; 3 done, but for malformed records; 130 interrupted;"
    " 143 terminated.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(upload)
uploads = typer.Typer(invoke_without_command=True)
uploads.callback()(list_uploads)
uploads.command("show")(show_upload)
app.add_typer(uploads, name="uploads")
app.command()(refusals)
app.command()(compare)
app.command()(export)
app.command()(top)
app.command()(rising)
app.command()(history)
app.command()(find)
app.command()(publications)
app.add_typer(dataset, name="dataset")
app.command()(status)
app.command()(up)
app.command()(cert)
app.add_typer(keys, name="key")


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        release = version("newstally")
    except PackageNotFoundError:  # run from a source tree
        release = "unreleased"
    typer.echo(f"newstally {release}")
    raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar=VARIABLE,
            help="The file with options; default: ~/.config/newstally/config.toml.",
            show_default=False,
        ),
    ] = None,
    show_version: Annotated[  # noqa: ARG001 - its callback has done it
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that come before a command, and those of the configuration."""
    group = context.command
    if isinstance(group, TyperGroup):
        with exit_codes():
            context.default_map = defaults(group, config, os.environ)


def main() -> None:
    """Run the command line.

    Names are anybody's text: what standard output cannot write is written out, as on stderr.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
