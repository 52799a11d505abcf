"""What the extractor answers, seen from a gateway's side of the link."""

import json
import signal

from newstally_protos.v1 import extractor_pb2 as pb
from support.engines import (
    HUGE,
    RAISE,
    REFUSE,
    SLEEP,
    count,
)
from support.extractor_process import counts, extractor, link


async def test_answers_every_article_with_its_entities() -> None:
    """Welcome, Started, Results: each id is answered once, with what the engine counts."""
    texts = [f"Angela Merkel met Number{n} in Berlin. Berlin's mayor did not." for n in range(300)]
    async with extractor("--batch-articles", "7") as process, link(process) as gateway:
        welcome = gateway.welcomes[0]
        assert (welcome.model, welcome.model_version) == ("test_rules", "1")
        assert welcome.instance_id
        assert (welcome.window.articles, welcome.window.bytes) == (256, 1024 * 1024)
        await gateway.send(*texts)
        await gateway.until(lambda: len(gateway.results) == len(texts))
        assert [counts(gateway.results[n]) for n in range(1, 301)] == [count(t) for t in texts]
        assert sum(len(event.results.results) for event in gateway.events) == len(texts)
        assert sorted(i for ids in gateway.started for i in ids) == list(range(1, 301))
        assert max(len(ids) for ids in gateway.started) == 7
        metrics = await process.get("/metrics")
        assert "newstally_extractor_articles_total 300.0" in metrics
        assert (
            'newstally_extractor_engine_info{engine="rules",model="test_rules",model_version="1"}'
            in metrics
        )
        assert json.loads(await process.get("/readyz"))["ready"] is True


async def test_one_bad_article_fails_alone() -> None:
    """Each reason of failure hits its own article; those beside it are counted."""
    texts = [f"Bad {RAISE}", "Good One", f"Bad {REFUSE}", f"Bad {HUGE}", "x" * 2_001, "Good Two"]
    async with (
        extractor("--max-content-bytes", "2000") as process,
        link(process) as gateway,
    ):
        await gateway.send(*texts)
        await gateway.until(lambda: len(gateway.results) == len(texts))
        assert [gateway.results[n].failure.reason for n in range(1, 7)] == [
            pb.FAILURE_REASON_EXTRACTION_FAILED,
            pb.FAILURE_REASON_UNSPECIFIED,
            pb.FAILURE_REASON_EXTRACTION_FAILED,
            pb.FAILURE_REASON_RESULT_TOO_LARGE,
            pb.FAILURE_REASON_CONTENT_TOO_LONG,
            pb.FAILURE_REASON_UNSPECIFIED,
        ]
        assert counts(gateway.results[2]) == count("Good One")
        process.signal(signal.SIGTERM)
        await gateway.end()
        await process.ended()
    assert RAISE not in "".join(process.log), "content was logged"


async def test_a_suspect_is_alone_in_its_batch() -> None:
    """Work marked alone shares a model batch with nothing, not even another link's work."""
    async with extractor() as process, link(process) as one, link(process) as two:
        await one.send("First " + SLEEP.format(300))
        await one.until(lambda: one.started)
        await one.send("Suspect", alone=True, first_id=2)
        await two.send("Innocent")
        await one.until(lambda: len(one.results) == 2)
        await two.until(lambda: two.results)
        assert one.started == [[1], [2]]
        assert await process.metric("batches_total") == 3
