"""Clients that vanish, do not read, come twice or in crowds: the others go on."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import grpc
from attacks import streams  # noqa: F401 - the catalogue
from attacks.attacking import CATALOGUE, Ground
from newstally_protos.wire import retry_delay_seconds
from support.gateway_wire import (
    Stream,
    client_of,
    contents_of,
    eventually,
    gateway_client,
    gateway_process,
    message,
    messages,
    until_metric,
)
from support.processes import REPOSITORY
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import ReferencePersister, recount

TESTS = str(REPOSITORY / "tests")


def nothing(value: float) -> bool:
    return value == 0


async def test_a_cancelled_client_leaves_nothing_behind(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Its memory is free, its articles are forgotten, and it can resume."""
    upload = persister.add("job")
    extractor.go.clear()
    async with (
        gateway_process(tmp_path, persister, [extractor]) as process,
        client_of(process) as client,
    ):
        async with client.open() as stream:
            await stream.write(*messages(contents_of(50), "job"))
            await extractor.until_started(1)
            stream.cancel()
        await until_metric(process, "streams", nothing)
        await until_metric(process, "memory_charged_bytes", nothing)
        extractor.go.set()
        heard = await client.stream(messages(contents_of(60), "job"))
        assert heard.code is grpc.StatusCode.OK
    assert upload.counted == 60
    assert upload.mentions["The Paper", "ada", "WORD"] == 60


async def test_a_killed_client_resumes_where_it_was(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """kill -9 of a client in the middle of its stream: sent again, everything is counted once."""
    upload = persister.add("job")
    async with (
        gateway_process(tmp_path, persister, [extractor]) as process,
        client_of(process) as client,
    ):
        script = (
            "import asyncio, itertools, sys\n"
            "from support.gateway_wire import *\n"
            "async def main():\n"
            "    async with connect(sys.argv[1]) as channel, Client(channel).open() as stream:\n"
            "        for n in itertools.count():\n"
            "            await stream.write(message(f'Ada {n}', upload_id='job', offset=n))\n"
            "            if n == 100: print('far enough', flush=True)\n"
            "asyncio.run(main())\n"
        )
        victim = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, process.address),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"},
        )
        try:
            assert victim.stdout is not None
            assert await victim.stdout.readline()
        finally:
            victim.kill()
            await victim.wait()
        await until_metric(process, "streams", nothing)
        done = upload.next_offset
        heard = await client.stream(messages([f"Ada {n}" for n in range(done + 50)], "job"))
    assert heard.code is grpc.StatusCode.OK
    assert upload.counted == upload.mentions["The Paper", "ada", "WORD"] == done + 50


async def test_a_client_that_never_reads_is_ended_and_disturbs_nobody(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """What it is not told is bounded, others go on, and after a while its stream is ended."""
    persister.add("deaf")
    flags = ("--write-timeout", "1")
    async with (
        gateway_process(tmp_path, persister, [extractor], *flags) as process,
        client_of(process) as deaf,
        client_of(process) as client,
    ):
        call = deaf.gateway.StreamArticles()

        async def write() -> None:
            number = 0
            while True:  # refused at once: each is an event
                await call.write(message(" ", upload_id="deaf", offset=number))
                number += 1

        writing = asyncio.create_task(write())
        try:
            while not await asyncio.to_thread(process.events, "client does not read"):
                persister.add("job")
                heard = await client.stream(messages(contents_of(20), "job"))
                assert heard.code is grpc.StatusCode.OK
            await until_metric(process, "streams", nothing)
            await until_metric(process, "memory_charged_bytes", nothing)
        finally:
            writing.cancel()
            call.cancel()
            await asyncio.gather(writing, return_exceptions=True)
    assert persister.uploads["deaf"].next_offset < 20_000


async def test_two_clients_on_one_upload_through_two_gateways(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Each article is counted once, and both are told the truth; one may be told to leave."""
    upload = persister.add("job")
    contents = contents_of(400)
    async with (
        gateway_process(tmp_path, persister, [extractor], name="one") as one,
        gateway_process(tmp_path, persister, [extractor], name="two") as two,
        client_of(one) as first,
        client_of(two) as second,
    ):
        both = await asyncio.gather(
            first.stream(messages(contents, "job")), second.stream(messages(contents, "job"))
        )
    # Whoever came later takes the upload over, unless the other one is through by then.
    codes = {heard.code for heard in both}
    assert grpc.StatusCode.OK in codes
    assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.FAILED_PRECONDITION}
    assert max(heard.next_offset for heard in both) == 400
    for heard in both:
        offsets = [upload.next_offset for upload in heard.progress]
        assert offsets == sorted(offsets)
    assert upload.counted == 400
    expected = recount([("The Paper", content) for content in contents])["The Paper"]
    assert upload.mentions == {("The Paper", *key): n for key, n in expected.items()}


async def test_a_collision_is_cut_anew(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Another gateway settled a part of a batch meanwhile: the rest is recorded."""
    upload = persister.add("job")
    async with (
        gateway_process(tmp_path, persister, [extractor]) as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await stream.write(*messages(contents_of(10), "job"))
        await stream.until(lambda heard: heard.next_offset == 10)
        upload.next_offset = 15
        upload.counted = 15
        # All ten come into one batch: one that ended at 15 would collide with nothing.
        extractor.go.clear()
        await stream.write(*[message() for _ in range(10)])
        await stream.half_close()
        await until_metric(process, "received_articles_total", lambda value: value == 20)
        extractor.go.set()
        heard = await stream.ended()
        assert heard.code is grpc.StatusCode.OK
        assert upload.counted == heard.next_offset == 20
        await eventually(lambda: process.events("batch collided, cut anew"), "it is told")


async def test_streams_beyond_the_memory_are_told_to_come_again(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo, after a wait: those who have the places are at work."""
    extractor.go.clear()
    flags = ("--max-content-bytes", "100000", "--memory-bytes", "1100000")
    for name in ("one", "two", "three"):
        persister.add(name)
    async with (
        gateway_client(tmp_path, persister, [extractor], *flags) as client,
        client.open() as one,
        client.open() as two,
    ):
        for stream, name in ((one, "one"), (two, "two")):
            await stream.write(message(upload_id=name, offset=0))
            await stream.until(lambda heard: heard.progress)
        third = await client.stream(messages(contents_of(50), "three"), by_writing=True)
        assert third.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert third.error is not None
        assert retry_delay_seconds(third.error)
        extractor.go.set()
        await one.half_close()
        await one.ended()
        third = await client.stream(messages(contents_of(50), "three"))
        assert third.code is grpc.StatusCode.OK


async def test_reading_stops_when_memory_is_used_up(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """A stalled persister stops the intake at the bound; later all goes on where it stood."""
    total = 1_200_000
    flags = ("--max-content-bytes", "100000", "--memory-bytes", str(total))
    upload = persister.add("job")
    persister.open.clear()
    contents = ["Ada " + "x" * 5000] * 300
    async with (
        gateway_process(tmp_path, persister, [extractor], *flags) as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await stream.write(messages(contents, "job")[0])
        await until_metric(process, "received_articles_total", lambda value: value == 1)

        async def rest(stream: Stream) -> None:
            await stream.write(*messages(contents, "job")[1:])
            await stream.half_close()

        writing = asyncio.create_task(rest(stream))
        await until_metric(process, "memory_waits_total", bool)
        assert 0 < await until_metric(process, "memory_charged_bytes", bool) <= total
        persister.open.set()
        await writing
        assert (await stream.ended()).code is grpc.StatusCode.OK
    assert upload.counted == 300


async def test_streams_that_are_cancelled_at_once_leave_time_for_others(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Who makes many of them fills its own connection: gRPC turns the rest away."""
    persister.add("job")
    async with (
        gateway_process(tmp_path, persister, [extractor]) as process,
        client_of(process) as client,
    ):
        flood = CATALOGUE["streams_reset_at_once"].run
        flooding = asyncio.create_task(
            asyncio.to_thread(flood, Ground(process.port, extractor=0, seconds=2.0))
        )
        heard = await client.stream(messages(contents_of(20), "job"))
        assert (heard.code, heard.next_offset) == (grpc.StatusCode.OK, 20)
        await flooding
        ended = process.metric("newstally_gateway_stream_ends_total", code="CANCELLED")
        assert 0 < ended < 400, "thousands were tried"
