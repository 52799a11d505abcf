"""An overview for people."""

from collections.abc import Sequence
from datetime import datetime

import typer
from newstally_protos.names import shown

from newstally.cli.output.tables import Cell, print_table
from newstally.client.status.overview import Overview
from newstally.client.status.percentiles import PARTS

ERRORS = 20
"""Most that are shown; --json has all."""


def render(found: Overview, target: str, now: datetime) -> None:
    """Print it."""
    settled = sum(each["settled_per_second"] for each in found["gateways"])
    queued = sum(each["queued_articles"] for each in found["gateways"])
    _say(f"{target} at {now:%Y-%m-%d %H:%M:%S} UTC: {settled:,.1f} articles/s, {queued:,} wait")
    for each in found["missing"]:
        _say(f"missing: {each['part']}: {each['reason']}")
    for each in found["differing"]:
        _say(f"differing: {each}")
    _table(
        ("gateway", "release", "streams", "received/s", "settled/s", "waiting", "memory"),
        [_gateway(each) for each in found["gateways"]],
    )
    _table(
        ("replica", "state", "release", "model", "articles/s", "share", "busy", "has", "oldest"),
        [_replica(each) for each in found["replicas"]],
    )
    if found["persister"] is not None:
        _persister(found["persister"])
    _table(
        ("stage", "times", *PARTS),
        [
            (
                each["stage"],
                each["count"],
                *(_seconds(each[part]) for part in PARTS),
            )
            for each in found["stages"]
            if each["count"]
        ],
    )
    _table(
        ("limits hit by", "limit", "times"),
        [(each["owner"], each["limit"], each["times"]) for each in found["limit_hits"]],
    )
    _table(
        ("error", "service", "what", "times", "last", "release", "where"),
        [_error(each) for each in found["errors"][:ERRORS]],
    )
    if (more := len(found["errors"]) - ERRORS) > 0:
        _say(f"{more} more errors: --json lists them")


def _gateway(each: Overview) -> Sequence[Cell]:
    return (
        each["address"],
        _release(each),
        each["streams"],
        f"{each['received_per_second']:,.1f}",
        f"{each['settled_per_second']:,.1f}",
        each["queued_articles"],
        f"{_bytes(each['memory_bytes'])} of {_bytes(each['memory_limit_bytes'])}",
    )


def _replica(each: Overview) -> Sequence[Cell]:
    oldest = each["oldest"]
    doing = "-"
    if oldest is not None:
        where = f" {oldest['upload_id']} {oldest['offset']:,}" if oldest["upload_id"] else ""
        state = "runs" if oldest["running"] else "waits"
        doing = f"{state} {oldest['seconds']:.1f} s{where}"
    return (
        each["address"] or each["instance_id"],
        each["state"],
        _release(each),
        f"{each['model']} {each['engine'] or ''}".rstrip(),
        f"{each['articles_per_second']:,.1f}",
        f"{each['share']:.0%}",
        "-" if each["busy"] is None else f"{each['busy']:.0%}",
        each["outstanding_articles"],
        doing,
    )


def _persister(each: Overview) -> None:
    parts = [
        f"persister {_release(each)}",
        f"{each['settled_per_second']:,.1f} articles/s",
        f"journal {_bytes(each['journal_bytes'])} of {_bytes(each['journal_limit_bytes'])}",
        f"oldest unflushed {each['oldest_unflushed_seconds']:.1f} s",
        f"sink {each['sink']} {each['sink_state']}",
    ]
    if each["sink"] == "firestore":
        parts.append(f"{each['firestore_writes_per_second']:,.1f} writes/s")
    if each["set_aside_rows"]:
        parts.append(f"{each['set_aside_rows']} rows set aside")
    _say(", ".join(parts))
    for label in ("shortage", "sink_error", "sink_remedy"):
        if each[label]:
            _say(f"  {label.replace('_', ' ')}: {each[label]}")


def _error(each: Overview) -> Sequence[Cell]:
    where = each["frames"][-1] if each["frames"] else None
    return (
        each["fingerprint"],
        each["service"],
        ("new: " if each["new"] else "") + (each["kind"] or each["event"]),
        each["count"],
        each["last_time"][:19],
        ", ".join(each["releases"]),
        "-" if where is None else f"{where['file']}:{where['line']} {where['function']}",
    )


def _release(each: Overview) -> str:
    return f"{each['release']} {each['revision'][:7]}".rstrip()


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:,.1f} ms" if value < 1 else f"{value:,.1f} s"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} {unit}"
        value /= 1024
    return f"{value:,.1f} GiB"


def _table(names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    if rows:
        typer.echo()
        print_table(names, rows)


def _say(text: str) -> None:
    typer.echo(shown(text))
