"""Traces of real processes: joined where a collector is named, and nobody's business elsewhere."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from newstally_gateway.clients.tracing import (
    ARTICLES_AT_ONCE,
    ARTICLES_PER_SECOND,
    STREAMS_AT_ONCE,
    STREAMS_PER_SECOND,
)
from newstally_protos.tracing.names import PREFIX
from newstally_protos.tracing.traceparent import KEY
from newstally_protos.v1 import article_pb2, gateway_pb2, gateway_pb2_grpc
from newstally_protos.wire import connect
from support.engines import REFUSE
from support.otlp_receiver import OtlpReceiver, Received
from support.processes import eventually
from support.trio import RULES, Trio
from unit.protos.tracing.test_traceparent import HOSTILE
from unit.test_traces_page import rows

SECRET = "Odradek"
"""Stands in articles, in what they call themselves, and nowhere else."""
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
DEBUG = ("--log-level", "debug")
ARTICLES = 30


@contextmanager
def trio(directory: Path, environment: Mapping[str, str]) -> Iterator[Trio]:
    """The three services with an environment, and all their lines."""
    made = Trio(
        directory,
        extractors=1,
        persister_flags=["--flush-age", "0.3", *DEBUG],
        extractor_flags=["--engine", RULES, *DEBUG],
        gateway_flags=DEBUG,
    )
    for process in made.processes:
        process.environment.update(environment)
    with made:
        yield made


def write_articles(path: Path) -> Path:
    records = [
        {"publication": f"{SECRET} Post", "content": f"{SECRET} met Ada {n}", "id": f"{SECRET}-{n}"}
        for n in range(ARTICLES)
    ]
    records[0]["content"] += REFUSE
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def upload(
    path: Path, trio: Trio, environment: Mapping[str, str], *flags: str
) -> subprocess.CompletedProcess[str]:
    """Run `newstally upload` to its end."""
    command = [sys.executable, "-m", "newstally", "upload", str(path), "--json-progress", *flags]
    command += ["--target", trio.gateway.address, "--state-dir", str(path.parent / "state")]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, **environment},
    )


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def by_id(spans: list[Received]) -> dict[str, Received]:
    return {span.span_id: span for span in spans}


def test_one_upload_is_one_trace_over_four_processes(tmp_path: Path) -> None:
    """The client goes on with what it was started in; flushes are linked; log lines say where."""
    with OtlpReceiver() as receiver, trio(tmp_path, receiver.environment) as services:
        path = write_articles(tmp_path / "articles.jsonl")
        environment = {**receiver.environment, "TRACEPARENT": TRACEPARENT}
        done = upload(path, services, environment, "--wait-applied")
        assert done.returncode == 0, done.stderr
        wanted = {
            *("command", "upload", "stream", "article", "waiting", "extraction"),
            *("recording", "commit", "flush", "part"),
        }
        eventually(lambda: {span.name for span in receiver.spans()} == wanted)
        for process in services.processes:
            assert process.terminate() == 0  # and what is left is sent
        spans = receiver.spans()
        joined(spans)
        documented(spans)
        resources(spans)
        logged(services, done.stderr)
        assert SECRET.encode() not in b"".join(receiver.raw)


def joined(spans: list[Received]) -> None:
    """Each span of the upload is below the one that set it off."""
    below = {
        "command": None,
        "upload": "command",
        "stream": "upload",
        "article": "stream",
        "waiting": "article",
        "extraction": "article",
        "recording": "stream",
        "commit": "recording",
    }
    known = by_id(spans)
    for span in spans:
        assert span.begin_nanos <= span.end_nanos
        if span.name in below:
            assert span.trace_id == TRACE, span
            parent = known.get(span.parent_id)
            assert (parent.name if parent else None) == below[span.name], span
    (command,) = (span for span in spans if span.name == "command")
    assert command.parent_id == SPAN
    (stream,) = (span for span in spans if span.name == "stream")
    assert stream.attributes["newstally.settled"] == str(ARTICLES)
    assert stream.attributes["newstally.refused"] == "1"
    commits = {span.span_id for span in spans if span.name == "commit"}
    flushes = [span for span in spans if span.name == "flush"]
    linked = {span_id for flush in flushes for trace, span_id in flush.links if trace == TRACE}
    assert linked
    assert linked <= commits
    for flush in flushes:
        assert (flush.parent_id, flush.trace_id != TRACE) == ("", True)
    for part in (span for span in spans if span.name == "part"):
        assert known[part.parent_id].name == "flush"
    articles = {span.span_id: span for span in spans if span.name == "article"}
    assert articles[next(iter(articles))].attributes["newstally.offset"] == "0"
    batches = [span for span in spans if span.name == "recording"]
    assert {span_id for batch in batches for _, span_id in batch.links} == articles.keys()


def documented(spans: list[Received]) -> None:
    """The table of docs/traces.md names every attribute, and none that is never there."""
    table = {name: set(re.findall(r"`(\w+)`", cells[-1])) for name, cells in rows().items()}
    found: dict[str, set[str]] = {name: set() for name in table}
    for span in spans:
        found[span.name] |= {
            key.removeprefix(PREFIX) for key in span.attributes if key.startswith(PREFIX)
        }
        assert all(key.startswith(PREFIX) or key == "error.type" for key in span.attributes)
    assert found == table


def resources(spans: list[Received]) -> None:
    """Each process says what it is."""
    services = {span.service for span in spans}
    assert services == {
        f"newstally-{name}" for name in ("client", "gateway", "extractor", "persister")
    }
    assert len({span.resource["service.instance.id"] for span in spans}) == 4
    assert all(span.resource["service.version"].startswith("0.") for span in spans)


def logged(services: Trio, client: str) -> None:
    """Lines of all four carry the trace."""
    lines = [
        *services.gateway.events("upload begun"),
        *services.gateway.events("upload ended"),
        *services.extractors[0].events("articles failed in the pipeline"),
        *services.extractors[0].events("model batch")[:1],
        *services.persister.events("batch answered"),
        *objects(client),
    ]
    assert len(lines) > 5
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert all(len(line["span_id"]) == 16 for line in lines)
    (flush, *_) = services.persister.events("flush completed")
    assert flush["trace_id"] != TRACE


@pytest.mark.parametrize("collector", ["silent", "away"])
def test_a_dead_collector_costs_nothing_but_the_trace(collector: str, tmp_path: Path) -> None:
    """The upload is settled, each process says once that spans do not arrive, and ends in time."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if collector == "silent":  # takes connections, and never says a word
            listening.listen()
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1" if collector == "away" else "60",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        with trio(tmp_path, environment) as services:
            done = upload(write_articles(tmp_path / "a.jsonl"), services, environment)
            assert done.returncode == 0, done.stderr
            if collector == "away":
                for process in services.processes:
                    eventually(partial(process.events, "traces do not arrive"))
            for process in services.processes:
                # Sooner than one call to a silent collector may take.
                assert process.terminate(45.0) == 0
                assert len(process.events("traces do not arrive")) <= 1


def test_unset_is_as_if_there_were_no_traces(tmp_path: Path) -> None:
    """Nothing of OpenTelemetry is imported by running services, nor by the client."""
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    with trio(tmp_path, environment) as services:
        path = write_articles(tmp_path / "articles.jsonl")
        done = upload(path, services, {**environment, "TRACEPARENT": "hostile"}, "--wait-applied")
        assert done.returncode == 0, done.stderr
        for process in services.processes:
            process.terminate()
        imported = [done.stderr, *(each.log_path.read_text() for each in services.processes)]
    for text in imported:
        assert "import time:" in text
        assert "| opentelemetry" not in text.replace("  ", "")


def test_a_trace_goes_through_a_client_without_one(tmp_path: Path) -> None:
    """TRACEPARENT reaches the gateway also where the client itself records nothing."""
    with OtlpReceiver() as receiver, trio(tmp_path, receiver.environment) as services:
        path = write_articles(tmp_path / "articles.jsonl")
        done = upload(path, services, {"TRACEPARENT": TRACEPARENT})
        assert done.returncode == 0, done.stderr
        assert {line["trace_id"] for line in objects(done.stderr)} == {TRACE}
        eventually(lambda: receiver.spans("stream"))
        (stream,) = receiver.spans("stream")
        assert (stream.trace_id, stream.parent_id) == (TRACE, SPAN)


async def send(services: Trio, traceparents: Sequence[str]) -> None:
    """Send one article in a call of its own under each of these."""
    together = asyncio.Semaphore(40)

    async def call(traceparent: str) -> None:
        article = article_pb2.Article(publication="P", content="Ada met Bob")
        requests = iter([gateway_pb2.UploadArticlesRequest(article=article)])
        async with together:
            metadata = [(KEY, traceparent)]
            answer = await stub.UploadArticles(requests, metadata=metadata, timeout=60)
        assert answer.upload.next_offset == 1

    async with connect(services.gateway.address) as channel:
        stub = gateway_pb2_grpc.GatewayServiceStub(channel)
        await asyncio.gather(*map(call, traceparents))


async def test_hostile_traceparents_change_nothing(tmp_path: Path) -> None:
    """What is none is ignored: the article is counted, in a trace of the gateway's own."""
    sendable = [text for text in HOSTILE if text.isascii() and text == text.strip()]
    sendable = [text if len(text) < 4_000 else text[:4_000] for text in sendable]
    with OtlpReceiver() as receiver, trio(tmp_path, receiver.environment) as services:
        await send(services, sendable)
        count = len(sendable)
        eventually(lambda: len(receiver.spans("stream")) == count)
        streams = receiver.spans("stream")
        assert {span.parent_id for span in streams} == {""}
        assert len({span.trace_id for span in streams} - {TRACE}) == count


async def test_a_stranger_cannot_have_everything_recorded(tmp_path: Path) -> None:
    """However many calls say that they are sampled, streams and articles have their budget."""
    with OtlpReceiver() as receiver, trio(tmp_path, receiver.environment) as services:
        began, calls = time.monotonic(), 400
        await send(services, [TRACEPARENT] * calls)
        seconds = time.monotonic() - began
        for process in services.processes:
            process.terminate()
        streams, articles = receiver.spans("stream"), receiver.spans("article")
        assert 0 < len(streams) <= STREAMS_AT_ONCE + STREAMS_PER_SECOND * seconds + 1 < calls
        assert 0 < len(articles) <= ARTICLES_AT_ONCE + ARTICLES_PER_SECOND * seconds + 1
        assert len(articles) < len(streams)
        assert len(receiver.spans("commit")) <= len(streams)


def test_a_service_without_the_packages_says_what_to_install(tmp_path: Path) -> None:
    """And ends at once, exit code 2."""
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ModuleNotFoundError(name='it')")
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    }
    command = [sys.executable, "-m", "newstally_persister", "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 2
    assert "opentelemetry-exporter-otlp-proto-grpc" in done.stderr
