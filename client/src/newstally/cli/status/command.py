"""`newstally status`."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from newstally._gateway.probing import find_out
from newstally.cli.asking import address
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
)
from newstally.cli.status.rendering import render
from newstally.client.status.asking import ask_all
from newstally.client.status.overview import Overview, overview
from newstally.errors import GaveUp, NoGateway
from newstally.settings import Access


def status(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.2, help="Seconds between two looks with --watch.")
    ] = 2.0,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show how the services are: rates, replicas, the journal, times, errors, releases.

    Every gateway behind the target is asked. What does not answer is named with the reason, and
    waited for no longer than about 10 s. With --watch and --json: one JSON object for each look.
    """
    with exit_codes(as_json=as_json):
        access = make_access(ca, tls, key_file)
        run(_look(address(target), access, interval if watch else None, as_json=as_json))


async def _look(target: str, access: Access, interval: float | None, *, as_json: bool) -> None:
    """Look once, or again and again until cancelled."""
    while True:
        now = datetime.now(UTC)
        answers = await ask_all(target, access)
        found = overview(answers)
        if interval is None and not found["gateways"]:
            finding = await find_out(target, access)
            if finding.final:
                raise NoGateway(f"no Newstally gateway at {target}: {finding.text}")
            if finding.away:
                raise GaveUp(f"no gateway at {target}: {finding.text}")
            reasons = "; ".join(each["reason"] for each in found["missing"])
            raise GaveUp(f"gateway {target} tells nothing: {reasons}")
        _print(found, target, now, as_json=as_json, clear=interval is not None)
        if interval is None:
            return
        await asyncio.sleep(interval)


def _print(found: Overview, target: str, now: datetime, *, as_json: bool, clear: bool) -> None:
    if as_json:
        print_json({"target": target, "time": now.isoformat(), **found})
        return
    if clear:
        Console().clear()  # nothing where there is no terminal
    render(found, target, now)
    if clear:
        typer.echo()
