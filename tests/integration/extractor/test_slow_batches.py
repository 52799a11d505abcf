"""What a replica does with work that takes long, or that nobody waits for any more."""

import json
from contextlib import AsyncExitStack

from newstally_protos.v1 import extractor_pb2 as pb
from support.engines import SLEEP
from support.extractor_process import extractor, link

TEXTS = [f"Number{n} " + SLEEP.format(200) for n in range(8)]
IDLE = 60
"""Links without work."""


async def test_past_the_soft_limit_the_rest_is_handed_back() -> None:
    """A gateway that knows of it gets back what was not begun, and the log says what was slow."""
    async with extractor("--soft-limit", "0.5") as process, link(process) as gateway:
        await gateway.send(*TEXTS, takes_back=True)
        await gateway.until(lambda: len(gateway.results) + len(gateway.handed_back) == 8)
        assert 1 <= len(gateway.results) < 8
        assert sorted([*gateway.results, *gateway.handed_back]) == list(range(1, 9))
        assert sorted(gateway.results) == list(range(1, len(gateway.results) + 1))
        count = len(gateway.handed_back)
        assert await process.metric("handed_back_articles_total") == count
    (line,) = [json.loads(line) for line in process.log if "model batch ended early" in line]
    assert line["handed_back"] == count
    assert line["slowest_bytes"] == len(TEXTS[0])
    assert "Number" not in str(line), "never the text"


async def test_an_older_gateway_gets_everything_answered() -> None:
    """It does not know HandedBack: the replica works on."""
    async with extractor("--soft-limit", "0.5") as process, link(process) as gateway:
        await gateway.send(*TEXTS)
        await gateway.until(lambda: len(gateway.results) == len(TEXTS))
        assert gateway.handed_back == []


async def test_withdrawn_work_keeps_nobody_waiting() -> None:
    """Forty slow articles of a client that has gone do not hold up the next one."""
    async with extractor("--batch-articles", "1") as process, link(process) as gateway:
        await gateway.send(*[SLEEP.format(500)] * 40)
        await gateway.until(lambda: gateway.started)
        withdrawal = pb.ExtractRequest(withdrawn=range(2, 41))
        await gateway.call.write(withdrawal)
        await gateway.send("Next", first_id=41)
        await gateway.until(lambda: 41 in gateway.results)
        worked_on = [i for i, r in gateway.results.items() if r.WhichOneof("outcome")]
        assert len(worked_on) <= 30
        await gateway.until(lambda: len(gateway.results) == 41)


async def test_idle_links_leave_the_window_to_the_one_that_works() -> None:
    """Before, each of sixty links had a sixtieth of it."""
    async with extractor() as process, AsyncExitStack() as stack:
        for _ in range(IDLE):
            await stack.enter_async_context(link(process))
        gateway = await stack.enter_async_context(link(process))
        assert gateway.welcomes[-1].window.articles == 256 // (IDLE + 1)
        await gateway.send("First")
        await gateway.until(lambda: gateway.results and len(gateway.welcomes) > 1)
        assert gateway.welcomes[-1].window.articles == 256
