"""What all commands share: options, and how errors become exit codes."""

import asyncio
import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from newstally_protos.names import shown

from newstally.client import DEFAULT_TARGET
from newstally.client.channels import read_key
from newstally.errors import InputError, NewstallyError
from newstally.settings import Access

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_MALFORMED = 3
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

T = TypeVar("T")


def read_path(text: str | Path) -> Path:
    """Read an option's path: an empty one, of a variable that is not set, is not "here"."""
    if text == "":
        raise typer.BadParameter("is empty: name a path, or leave it out")
    return Path(text)


Target = Annotated[
    str | None,
    typer.Option(
        help=f"The gateway, host:port.  [default: {DEFAULT_TARGET}]",
        envvar="NEWSTALLY_TARGET",
        show_default=False,
    ),
]
Ca = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Speak TLS, and believe the gateway whose certificate is of this authority (PEM).",
        envvar="NEWSTALLY_CA",
        show_default=False,
    ),
]
Tls = Annotated[
    bool | None,
    typer.Option(
        "--tls/--no-tls",
        help="Speak TLS; without --ca the certificate is of a public authority.",
        envvar="NEWSTALLY_TLS",
        show_default=False,
    ),
]
KEY_VARIABLE = "NEWSTALLY_KEY"
KeyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=f"File of the key that the gateway wants; {KEY_VARIABLE} holds the key itself.",
        envvar="NEWSTALLY_KEY_FILE",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]


def make_access(ca: Path | None, tls: bool | None, key_file: Path | None = None) -> Access:
    """Return how the gateway is reached; --no-tls wins over a CA of the environment.

    A key comes from a file or from KEY_VARIABLE, never from the command line, which everybody on
    the machine may read. Raises InputError.
    """
    key = os.environ.get(KEY_VARIABLE) if key_file is None else read_key(key_file)
    return Access(ca=None if tls is False else ca, tls=tls, key=key.strip() if key else None)


class Terminated(Exception):  # noqa: N818 - named for what happened
    """SIGTERM came before the command was done."""


@contextlib.contextmanager
def exit_codes(
    hint: str = "", *, as_json: bool = False, tell: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Turn this library's errors, Ctrl-C and SIGTERM into one line on stderr and an exit code.

    With `as_json` also into one object on stdout: what went wrong, for programs. `tell` says the
    line elsewhere or otherwise.
    """
    try:
        yield
    except (NewstallyError, UnicodeEncodeError, KeyboardInterrupt, Terminated) as error:
        text, code = _verdict(error, hint)
        (tell or say)(text)
        if as_json:
            # A private kind goes by the public one that it is.
            kinds = (kind.__name__ for kind in type(error).__mro__)
            kind = next(name for name in kinds if not name.startswith("_"))
            told: dict[str, object] = {"error": kind, "message": text, "exit_code": code}
            if isinstance(error, NewstallyError) and error.upload_id:
                told |= {"upload_id": error.upload_id, "next_offset": error.next_offset}
            print_json(told)
        raise typer.Exit(code) from error


def _verdict(error: BaseException, hint: str) -> tuple[str, int]:
    match error:
        case InputError():
            return f"error: {error}", EXIT_USAGE
        case UnicodeEncodeError():  # what was typed is no UTF-8, and so no text of a request
            return f"error: {error.object!a} is no text: {error.reason}", EXIT_USAGE
        case KeyboardInterrupt():
            return f"interrupted{hint}", EXIT_INTERRUPTED
        case Terminated():
            return f"terminated{hint}", EXIT_TERMINATED
        case _:
            return f"error: {error}", EXIT_FAILED


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; Ctrl-C and SIGTERM cancel it."""
    return asyncio.run(_until_sigterm(main))


async def _until_sigterm(main: Coroutine[Any, Any, T]) -> T:
    """Raises Terminated; Ctrl-C is asyncio's own affair."""
    if threading.current_thread() is not threading.main_thread():
        return await main  # only the main thread hears of signals
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    terminated = False

    def on_sigterm() -> None:
        nonlocal terminated
        terminated = True
        if task is not None:
            task.cancel()

    loop.add_signal_handler(signal.SIGTERM, on_sigterm)
    try:
        return await main
    except asyncio.CancelledError:
        if terminated:
            raise Terminated from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def say(text: str) -> None:
    """Tell a person something, on stderr. What came from elsewhere in it does no harm there."""
    typer.echo("\n".join(map(shown, text.split("\n"))), err=True)


def keep_quiet(_text: str) -> None:
    """Tell nothing: what `say` is with --quiet."""


def print_json(value: object) -> None:
    """Print one JSON value on stdout, in ASCII so that any terminal and pipe can take it."""
    typer.echo(json.dumps(value))
