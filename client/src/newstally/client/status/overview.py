"""One overview of what all gateways answered. Pure: of messages it makes what JSON knows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from newstally_protos.v1.status_pb2 import (
    ErrorGroup,
    GetStatusResponse,
    PersisterStatus,
    ProcessStatus,
    ReplicaStatus,
)

from newstally.client.status.percentiles import PARTS, merged, percentile

Answers = Mapping[str, GetStatusResponse]
Overview = dict[str, Any]


def overview(answers: Mapping[str, GetStatusResponse | str]) -> Overview:
    """Return what all of them say together; those that did not answer are named in `missing`."""
    good = _once({at: each for at, each in answers.items() if isinstance(each, GetStatusResponse)})
    silent = {at: each for at, each in answers.items() if isinstance(each, str)}
    persister = next((a.persister for a in good.values() if a.HasField("persister")), None)
    replicas = _replicas(good)
    processes = list(_processes(good, persister))
    new = {each for answer in good.values() for each in answer.new_errors}
    return {
        "gateways": [_gateway(at, answer) for at, answer in good.items()],
        "replicas": replicas,
        "persister": None if persister is None else _persister(persister),
        "stages": _stages(processes),
        "releases": _releases(processes),
        "errors": _errors(processes, good, new),
        "limit_hits": [
            {"gateway": at, "owner": hit.owner, "limit": hit.limit, "times": hit.times}
            for at, answer in good.items()
            for hit in answer.gateway.limit_hits
        ],
        "differing": _differing(processes, replicas, persister),
        "missing": [
            *({"part": f"gateway {at}", "reason": reason} for at, reason in silent.items()),
            *_missing(good, persister),
        ],
    }


def _once(answers: Answers) -> Answers:
    """Return each gateway's answer once: one may have several addresses, IPv4 and IPv6 say."""
    first: dict[str, str] = {}
    for at, each in answers.items():
        first.setdefault(each.gateway.process.instance_id, at)
    return {at: answers[at] for at in first.values()}


def _gateway(address: str, answer: GetStatusResponse) -> Overview:
    gateway = answer.gateway
    return {
        "address": address,
        **_release(gateway.process),
        "streams": gateway.streams,
        "received_per_second": gateway.received_per_second,
        "settled_per_second": gateway.settled_per_second,
        "queued_articles": gateway.queued_articles,
        "memory_bytes": gateway.memory_bytes,
        "memory_limit_bytes": gateway.memory_limit_bytes,
        "persister": gateway.persister,
        "door": gateway.door,
    }


def _replicas(answers: Answers) -> list[Overview]:
    """Return each replica once, with what all gateways have of it."""
    seen: dict[str, list[ReplicaStatus]] = {}
    for number, answer in enumerate(answers.values()):
        for place, replica in enumerate(answer.replicas):
            name = replica.process.instance_id or replica.address or f"{number}/{place}"
            seen.setdefault(name, []).append(replica)
    # One that is away for one gateway may be there for another.
    up = {each.address for every in seen.values() for each in every if each.process.service}
    found = [
        _replica(every)
        for every in seen.values()
        if every[0].process.service or not every[0].address or every[0].address not in up
    ]
    total = sum(each["articles_per_second"] for each in found)
    for each in found:
        each["share"] = each["articles_per_second"] / total if total else 0.0
    return found


def _replica(every: Sequence[ReplicaStatus]) -> Overview:
    newest = min(every, key=lambda each: each.report_age_seconds)
    report = newest.report if newest.HasField("report") else None
    working = [each.oldest for each in every if each.HasField("oldest")]
    oldest = max(working, key=lambda each: (each.running, each.seconds), default=None)
    last = max(newest.process.errors, key=lambda e: e.last_time.ToMicroseconds(), default=None)
    return {
        "address": newest.address,
        "state": newest.state,
        **_release(newest.process),
        "model": newest.model,
        "naming": newest.naming,
        "engine": None if report is None else report.engine,
        "articles_per_second": sum(each.articles_per_second for each in every),
        "bytes_per_second": sum(each.bytes_per_second for each in every),
        "busy": None if report is None else report.busy,
        "outstanding_articles": sum(each.outstanding_articles for each in every),
        "outstanding_bytes": sum(each.outstanding_bytes for each in every),
        "oldest": None
        if oldest is None
        else {
            "upload_id": oldest.upload_id,
            "offset": oldest.offset,
            "size_bytes": oldest.size_bytes,
            "running": oldest.running,
            "seconds": oldest.seconds,
        },
        "report_age_seconds": None if report is None else newest.report_age_seconds,
        "last_error": None if last is None else (last.kind or last.event),
    }


def _persister(persister: PersisterStatus) -> Overview:
    return {
        **_release(persister.process),
        "settled_per_second": persister.settled_per_second,
        "journal_bytes": persister.journal_bytes,
        "journal_limit_bytes": persister.journal_limit_bytes,
        "shortage": persister.shortage,
        "oldest_unflushed_seconds": persister.oldest_unflushed_seconds,
        "sink": persister.sink,
        "sink_state": persister.sink_state,
        "sink_error": persister.sink_error,
        "sink_remedy": persister.sink_remedy,
        "firestore_writes_per_second": persister.firestore_writes_per_second,
        "set_aside_rows": persister.set_aside_rows,
        "models": list(persister.models),
    }


def _release(process: ProcessStatus) -> Overview:
    return {
        "instance_id": process.instance_id,
        "release": process.release,
        "revision": process.revision,
        "start_time": process.start_time.ToJsonString() if process.HasField("start_time") else None,
    }


def _processes(answers: Answers, persister: PersisterStatus | None) -> Iterator[ProcessStatus]:
    """Yield each process once."""
    seen = set()
    every = [
        *(answer.gateway.process for answer in answers.values()),
        *(each.process for answer in answers.values() for each in answer.replicas),
        *([] if persister is None else [persister.process]),
    ]
    for process in every:
        if process.service and process.instance_id not in seen:
            seen.add(process.instance_id)
            yield process


def _stages(processes: Iterable[ProcessStatus]) -> list[Overview]:
    """Return the percentiles of each stage, over all processes with the same buckets."""
    counts: dict[str, dict[tuple[float, ...], list[Sequence[int]]]] = {}
    for process in processes:
        for each in process.stages:
            counts.setdefault(each.stage, {}).setdefault(tuple(each.bounds), []).append(each.counts)
    found = []
    for stage, by_bounds in counts.items():
        bounds, every = max(by_bounds.items(), key=lambda item: sum(map(sum, item[1])))
        together = merged(every)
        figures = {name: percentile(bounds, together, part) for name, part in PARTS.items()}
        found.append({"stage": stage, "count": sum(together), **figures})
    return found


def _releases(processes: Iterable[ProcessStatus]) -> list[Overview]:
    found = Counter((each.service, each.release, each.revision) for each in processes)
    return [
        {"service": service, "release": release, "revision": revision, "processes": number}
        for (service, release, revision), number in sorted(found.items())
    ]


def _errors(processes: Iterable[ProcessStatus], answers: Answers, new: set[str]) -> list[Overview]:
    """Return one for each fingerprint, those seen last first.

    A group that several gateways tell of is one: it was seen first at the same moment.
    """
    every = [
        *(group for process in processes for group in process.errors),
        *(group for answer in answers.values() for group in answer.departed_errors),
    ]
    once: dict[tuple[str, int], ErrorGroup] = {}
    for group in every:
        key = group.fingerprint, group.first_time.ToMicroseconds()
        if key not in once or once[key].count < group.count:
            once[key] = group
    by_fingerprint: dict[str, list[ErrorGroup]] = {}
    for group in once.values():
        by_fingerprint.setdefault(group.fingerprint, []).append(group)
    ordered = sorted(
        by_fingerprint.values(),
        key=lambda same: max(each.last_time.ToMicroseconds() for each in same),
        reverse=True,
    )
    return [_error(same, new) for same in ordered]


def _error(same: Sequence[ErrorGroup], new: set[str]) -> Overview:
    last = max(same, key=lambda each: each.last_time.ToMicroseconds())
    first = min(same, key=lambda each: each.first_time.ToMicroseconds())
    return {
        "fingerprint": last.fingerprint,
        "service": last.service,
        "event": last.event,
        "kind": last.kind,
        "count": sum(each.count for each in same),
        "processes": len(same),
        "first_time": first.first_time.ToJsonString(),
        "last_time": last.last_time.ToJsonString(),
        "releases": sorted({each.release for each in same}),
        "new": last.fingerprint in new,
        "trace_id": last.trace_id,
        "frames": [
            {"file": at.file, "line": at.line, "function": at.function, "raised": at.raised}
            for at in last.frames
        ],
    }


def _differing(
    processes: Iterable[ProcessStatus],
    replicas: Iterable[Overview],
    persister: PersisterStatus | None,
) -> list[str]:
    """Return what there are several of that should be one, for people."""
    releases = {_label(each.release, each.revision) for each in processes}
    ways = {f"{each['model']} {each['naming']}".rstrip() for each in replicas if each["model"]}
    stored = set() if persister is None else set(persister.models)
    found = []
    if len(releases) > 1:
        found.append(f"{len(releases)} releases run: {', '.join(sorted(releases))}")
    if len(ways) > 1:
        found.append(f"replicas count in {len(ways)} ways: {'; '.join(sorted(ways))}")
    if len(stored) > 1:
        found.append(f"the tallies are counted in {len(stored)} ways: {'; '.join(sorted(stored))}")
    return found


def _label(release: str, revision: str) -> str:
    return f"{release}+{revision}" if revision else release


def _missing(answers: Answers, persister: PersisterStatus | None) -> list[Overview]:
    """Return each once; not the persister where another gateway has its answer."""
    found = {
        (each.part, each.reason)
        for answer in answers.values()
        for each in answer.missing
        if each.part != "persister" or persister is None
    }
    return [{"part": part, "reason": reason} for part, reason in sorted(found)]
