"""Articles that take long, on replicas that die often, whatever they work on."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from newstally_protos.v1.article_pb2 import RefusalReason
from support.engines import DIE, SLEEP
from support.gateway_wire import client_of, gateway_process, messages
from support.processes import Process
from support.reference_persister import ReferencePersister
from support.trio import RULES

REPLICAS = 4
LONG = 12
KILLS = 20
KILL_SECONDS = 0.8


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[Process]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Process("newstally_extractor", ["--engine", RULES], tmp_path / f"replica{n}.log")
            )
            for n in range(REPLICAS)
        ]


def addresses(replicas: list[Process]) -> tuple[str, str]:
    return ("--extractors", ",".join(replica.address for replica in replicas))


@pytest.mark.slow
async def test_no_innocent_article_is_refused(
    tmp_path: Path, persister: ReferencePersister, replicas: list[Process]
) -> None:
    """With a replica killed every 0.8 s they wait, and are counted when it is over."""
    upload = persister.add("job")
    contents = [
        f"Ada met Bob{n}" + (SLEEP.format(2_500) if n % 10 == 0 else "") for n in range(10 * LONG)
    ]
    rng = random.Random(5)
    async with (
        gateway_process(tmp_path, persister, [], *addresses(replicas)) as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await stream.write(*messages(contents, "job"))
        await stream.half_close()
        for _ in range(KILLS):
            await asyncio.sleep(KILL_SECONDS)
            await asyncio.to_thread(_kill, rng.choice(replicas))
        heard = await stream.ended(seconds=200)
        assert heard.code is grpc.StatusCode.OK
        assert process.metric("newstally_gateway_requeued_articles_total") > 0
    assert [(refusal.offset, refusal.reason) for refusal in upload.refusals] == []
    assert upload.counted == len(contents)


def _kill(replica: Process) -> None:
    replica.kill()
    replica.launch()


async def test_poison_is_refused_while_others_live(
    tmp_path: Path, persister: ReferencePersister, replicas: list[Process]
) -> None:
    """Real replicas die of it, and come again; its neighbours are counted."""
    upload = persister.add("job")
    contents = [f"Ada met Bob{n}" for n in range(40)]
    contents[7] = f"Deadly {DIE}"

    async def revive() -> None:
        while True:
            await asyncio.sleep(0.1)
            for replica in replicas:
                if not replica.running:
                    await asyncio.to_thread(_kill, replica)

    reviving = asyncio.create_task(revive())
    async with (
        gateway_process(
            tmp_path, persister, [], *addresses(replicas), "--trial-seconds", "60"
        ) as process,
        client_of(process) as client,
    ):
        heard = await client.stream(messages(contents, "job"))
    reviving.cancel()
    await asyncio.wait({reviving})
    assert heard.code is grpc.StatusCode.OK
    assert [(refusal.offset, refusal.reason) for refusal in upload.refusals] == [
        (7, RefusalReason.REFUSAL_REASON_POISON)
    ]
    assert upload.counted == 39
