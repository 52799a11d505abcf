"""`newstally up`."""

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newstally.certificates import check_installed as check_library
from newstally.cli.running import exit_codes, read_path, say
from newstally.up import Output, Plan, StartFailed, Supervisor, make_plan
from newstally.up.flags import listed_flags, parse_settings
from newstally.up.holding import holder
from newstally.up.services import (
    AUTO,
    DASHBOARD,
    KINDS,
    Options,
    check_installed,
    extractor_count,
    usable_cores,
)

if TYPE_CHECKING:
    from newstally.up.secure import Secured


class LogFormat(StrEnum):
    """How the logs are shown."""

    CONSOLE = "console"
    JSON = "json"


def up(
    *,
    extractors: Annotated[
        str,
        typer.Option(
            metavar="N|auto",
            help="How many extractor processes; auto: one per core but one, at least one.",
        ),
    ] = AUTO,
    data: Annotated[
        Path,
        typer.Option(parser=read_path, metavar="PATH", help="The persister's directory."),
    ] = Path("newstally-data"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The gateway's port.")] = 50051,
    model: Annotated[
        str | None, typer.Option(help="The extractors' pipeline: a name or a path.")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(help="The extractors' engine: auto, stock, fast or module:factory."),
    ] = None,
    sink: Annotated[
        str | None, typer.Option(help="Where tallies live: sqlite or firestore.")
    ] = None,
    flush_age: Annotated[
        float | None, typer.Option(help="Seconds until settled tallies go to the sink.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SERVICE.FLAG=VALUE", help="Any other flag of a service; repeatable."
        ),
    ] = None,
    secure: Annotated[
        bool,
        typer.Option(
            "--secure",
            help="Let nobody in without a key, over TLS; certificates and a first key are made in"
            " DATA/secure. Needs cryptography.",
        ),
    ] = False,
    dashboard: Annotated[
        bool,
        typer.Option(
            "--dashboard",
            help="Show it all in a browser, too; the line that says ready says where.",
        ),
    ] = False,
    dashboard_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The dashboard's port.")
    ] = 8080,
    log_format: Annotated[LogFormat, typer.Option(help="How logs are shown.")] = LogFormat.CONSOLE,
) -> None:
    """Run gateway, extractors and persister on this machine until Ctrl-C.

    Prints one line on stdout when everything is ready; logs go to stderr.
    """
    passed: dict[str, dict[str, object]] = {
        "extractor": {"model": model, "engine": engine},
        "persister": {"sink": sink, "flush-age": flush_age},
    }
    with exit_codes():
        flags = {
            kind: [f"--{flag}={value}" for flag, value in values.items() if value is not None]
            for kind, values in passed.items()
        }
        kinds = (*KINDS, DASHBOARD) if dashboard else KINDS
        check_installed(kinds)
        secured = _secured(data, dashboard=dashboard) if secure else None
        if secured is not None:
            for kind in kinds:
                flags[kind] = [*flags.get(kind, ()), *secured.flags(kind)]
        for kind, more in parse_settings(settings or [], kinds, listed_flags).items():
            flags[kind] = [*flags.get(kind, ()), *more]
        number = extractor_count(extractors, usable_cores())
        shown_at = dashboard_port if dashboard else None
        plan = make_plan(Options(number, data, port, flags, shown_at))
        if (process := holder(data)) is not None:
            say(
                f"{data} is in use by process {process}: waiting some seconds for it to end;"
                " --data names another directory"
            )
        output = Output(
            sys.stderr, as_json=log_format is LogFormat.JSON, colour=sys.stderr.isatty()
        )
        try:
            asyncio.run(_run(plan, output, secured))
        except StartFailed as error:
            say(f"error: {error}")
            raise typer.Exit(error.exit_code) from error


def _secured(data: Path, *, dashboard: bool) -> "Secured":
    check_library()
    # Not above: who has no need of it need not have the library.
    from newstally.up.secure import Secured  # noqa: PLC0415

    secured = Secured(data, dashboard=dashboard)
    secured.prepare()
    return secured


async def _run(plan: Plan, output: Output, secured: "Secured | None") -> None:
    def announce(line: str) -> None:
        typer.echo(line)
        if secured is not None:
            say(secured.usage())

    supervisor = Supervisor(plan, output, announce)
    if secured is None:
        await supervisor.run()
        return

    def tell(error: str) -> None:
        output.event("certificates not renewed", "warning", error=error)

    renewing = asyncio.create_task(secured.keep_renewed(tell), name="renew certificates")
    try:
        await supervisor.run()
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
