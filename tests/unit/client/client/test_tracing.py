"""An upload goes on with the trace that it was started in, and tells the gateway."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from newstally import Article, NewstallyClient, NotFound, SyncNewstallyClient
from newstally.client.tracing import API, OWN, VARIABLE, metadata, upload_span
from newstally_protos.tracing.traceparent import KEY
from opentelemetry import trace
from support.reference_gateway import ReferenceGateway
from support.spans import Recorded, recorded
from unit.protos.tracing.test_traceparent import HOSTILE

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """An application's own tracer."""
    with recorded() as made:
        monkeypatch.setattr(trace, "get_tracer", made.provider.get_tracer)
        yield made


@pytest.fixture
async def gateway() -> AsyncIterator[ReferenceGateway]:
    async with ReferenceGateway() as gateway:
        yield gateway


def articles() -> list[Article]:
    return [Article("P", f"article {number}") for number in range(5)]


def ids(span: Any) -> tuple[str, str]:
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


async def test_what_is_current_in_the_program_goes_on(
    seen: Recorded, gateway: ReferenceGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before what the process was started in; what the gateway is told is the upload's span."""
    monkeypatch.setenv(VARIABLE, TRACEPARENT)
    tracer = seen.provider.get_tracer("app")
    around = set()

    def read() -> Iterator[Article]:
        for article in articles():
            around.add(trace.get_current_span().get_span_context().span_id)
            yield article

    async with NewstallyClient(gateway.target) as client:
        with tracer.start_as_current_span("job") as job:
            summary = await client.upload(read())
            assert trace.get_current_span() is job
    (upload,) = seen.spans("upload")
    assert upload.parent is not None
    assert upload.parent.span_id == job.get_span_context().span_id
    trace_id, span_id = ids(upload)
    assert around == {int(span_id, 16)}  # reading the input is part of it
    assert gateway.metadata[KEY] == f"00-{trace_id}-{span_id}-01"
    assert seen.attributes("upload") == [
        {
            "upload_id": summary.upload_id,
            "first_offset": 0,
            "next_offset": 5,
            "refused": 0,
            "retries": 0,
        }
    ]


async def test_the_blocking_client_goes_on_with_its_callers(
    seen: Recorded, gateway: ReferenceGateway
) -> None:
    """Though it works on a thread of its own."""

    def use() -> None:
        with (
            seen.provider.get_tracer("app").start_as_current_span("job"),
            SyncNewstallyClient(gateway.target) as client,
        ):
            client.upload(articles())

    await asyncio.to_thread(use)
    upload, job = seen.spans()
    assert upload.parent is not None
    assert job.context is not None
    assert upload.parent.span_id == job.context.span_id


async def test_what_the_process_was_started_in_goes_on(
    seen: Recorded, gateway: ReferenceGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is current."""
    monkeypatch.setenv(VARIABLE, TRACEPARENT)
    async with NewstallyClient(gateway.target) as client:
        await client.upload(articles())
    (upload,) = seen.spans("upload")
    assert upload.parent is not None
    assert ids(upload)[0] == TRACE
    assert f"{upload.parent.span_id:016x}" == SPAN


async def test_without_opentelemetry_it_is_passed_on(
    gateway: ReferenceGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it came: the gateway's spans belong to what started the client."""
    monkeypatch.delitem(__import__("sys").modules, API)
    monkeypatch.setenv(VARIABLE, TRACEPARENT)
    async with NewstallyClient(gateway.target) as client:
        await client.upload(articles())
        assert gateway.metadata[KEY] == TRACEPARENT
        monkeypatch.delenv(VARIABLE)
        await client.upload(articles())
        assert KEY not in gateway.metadata


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) < 1_000])
def test_what_is_none_is_not_passed_on(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment holds."""
    monkeypatch.delitem(__import__("sys").modules, API)
    monkeypatch.setenv(VARIABLE, text)
    with upload_span() as span:
        assert metadata(span) == ()


async def test_an_upload_that_fails_says_how_and_not_what(
    seen: Recorded, gateway: ReferenceGateway
) -> None:
    """The kind of the error; its text may hold anything."""
    async with NewstallyClient(gateway.target) as client:
        with pytest.raises(NotFound):
            await client.upload(articles(), upload_id="secret-1", must_exist=True)
    (upload,) = seen.spans("upload")
    assert dict(upload.attributes or {}) == {"error.type": "NotFound"}
    assert upload.events == ()
    assert upload.status.description is None


def test_what_the_command_line_opened_comes_first(seen: Recorded) -> None:
    """It has a tracer of its own."""
    with recorded() as own:
        token = OWN.set(own.traces)
        try:
            with upload_span() as span:
                assert span.recorded
        finally:
            OWN.reset(token)
        assert len(own.spans("upload")) == 1
    assert seen.spans() == []
    assert logging.getLogger("opentelemetry").propagate
