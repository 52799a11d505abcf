"""A sink that is broken for good: articles settle, and nobody is less ready for it."""

import json
from pathlib import Path

from newstally import NewstallyClient
from support.corpus import make_articles
from support.processes import eventually
from support.trio import Trio


async def test_a_permanent_fault_of_the_sink_stops_no_upload(tmp_path: Path) -> None:
    """Persister and gateway stay ready, say why tallies wait, and do not restart."""
    foreign = tmp_path / "tallies.db"
    foreign.write_bytes(b"certainly not a database" * 100)
    flags = ["--sqlite-path", str(foreign)]
    with Trio(tmp_path / "trio", extractors=1, persister_flags=flags) as trio:

        def ready(process: str) -> dict[str, object]:
            found = trio.persister if process == "persister" else trio.gateway
            return dict(json.loads(found.admin("/readyz")))

        eventually(lambda: ready("gateway")["ready"], what="gateway ready")
        async with NewstallyClient(trio.gateway.address) as client:
            upload = await client.upload(make_articles(20))
        assert (upload.counted, upload.next_offset, upload.applied_offset) == (20, 20, 0)
        eventually(lambda: "permanent error" in str(ready("persister")["sink"]), what="the fault")
        assert ready("persister")["ready"] is True
        assert ready("gateway")["ready"] is True
        assert ready("gateway")["persister"] == "SERVING"
        assert trio.persister.running
