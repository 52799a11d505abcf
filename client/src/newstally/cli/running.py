"""What all commands share: options, and how errors become exit codes."""

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Iterator
from typing import Annotated, Any, TypeVar

import typer

from newstally.client import DEFAULT_TARGET
from newstally.errors import InputError, NewstallyError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

T = TypeVar("T")

Target = Annotated[
    str | None,
    typer.Option(
        help=f"The gateway, host:port.  [default: {DEFAULT_TARGET}]",
        envvar="NEWSTALLY_TARGET",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]


@contextlib.contextmanager
def exit_codes(hint: str = "") -> Iterator[None]:
    """Turn this library's errors and Ctrl-C into one line on stderr and an exit code."""
    try:
        yield
    except InputError as error:
        say(f"error: {error}")
        raise typer.Exit(EXIT_USAGE) from error
    except NewstallyError as error:
        say(f"error: {error}")
        raise typer.Exit(EXIT_FAILED) from error
    except KeyboardInterrupt as error:
        say(f"interrupted{hint}")
        raise typer.Exit(EXIT_INTERRUPTED) from error


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; Ctrl-C cancels it."""
    return asyncio.run(main)


def say(text: str) -> None:
    """Tell a person something, on stderr."""
    typer.echo(text, err=True)


def print_json(value: object) -> None:
    """Print one JSON value on stdout, in ASCII so that any terminal and pipe can take it."""
    typer.echo(json.dumps(value))
