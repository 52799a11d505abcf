"""Keys that come, change and go under a stream."""

import asyncio
import json
import time
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from newstally.keys import make_key, revoke_key, rotate_key
from newstally_protos.v1 import upload_pb2
from support.gateway_wire import gateway_process, message, messages
from support.keyed import code_of, keyed
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import ReferencePersister

pytestmark = pytest.mark.processes

OK = grpc.StatusCode.OK


def limit(path: Path, limits: dict[str, float]) -> None:
    """Give the file's first key these limits."""
    known = json.loads(path.read_text())
    known["keys"][0]["limits"] = limits
    written = path.with_suffix(".new")
    written.write_text(json.dumps(known))
    written.replace(path)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.mark.parametrize("how", ["revoked", "expired"])
async def test_a_stream_ends_with_its_key(
    tmp_path: Path,
    keys: Path,
    persister: ReferencePersister,
    extractor: ReferenceExtractor,
    how: str,
) -> None:
    """Soon, UNAUTHENTICATED with the remedy; what was acknowledged is recorded."""
    key = make_key(keys, "alice")
    other = make_key(keys, "bob")
    flags = ("--keys", str(keys))
    async with (
        gateway_process(tmp_path, persister, [extractor], *flags) as process,
        keyed(process, key) as client,
        keyed(process, other) as innocent,
    ):
        persister.add("job", "alice")
        persister.add("other", "bob")
        async with client.open() as stream, innocent.open() as beside:
            await beside.write(message("Ada", upload_id="other", offset=0))
            await stream.write(message("Ada", upload_id="job", offset=0))
            await stream.until(lambda heard: heard.next_offset == 1)
            if how == "revoked":
                revoke_key(keys, key.partition(".")[0])
            else:
                rotate_key(keys, key.partition(".")[0], timedelta(seconds=2))
            heard = await stream.ended()
            assert heard.code is grpc.StatusCode.UNAUTHENTICATED
            assert "newstally key new" in heard.details
            assert how in heard.details or "expired" in heard.details
            assert persister.uploads["job"].next_offset == heard.next_offset
            again = await client.stream(messages(["Ada"], "job", 1))
            assert again.code is grpc.StatusCode.UNAUTHENTICATED
            await beside.write(message("Bob"))
            await beside.half_close()
            assert (await beside.ended()).code is OK


async def test_a_stream_comes_back_under_the_limits_that_its_key_has_now(
    tmp_path: Path, keys: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Whoever throttles a key at night need not wait until its streams age."""
    key = make_key(keys, "alice")
    persister.add("job", "alice")
    async with (
        gateway_process(tmp_path, persister, [extractor], "--keys", str(keys)) as process,
        keyed(process, key) as client,
        client.open() as stream,
    ):
        await stream.write(message("Ada", upload_id="job", offset=0))
        await stream.until(lambda heard: heard.next_offset == 1)
        limit(keys, {"articles_per_second": 1000.0})
        heard = await stream.ended()
        assert (heard.code, heard.next_offset) == (grpc.StatusCode.UNAVAILABLE, 1)
        again = await client.stream(messages(["Bob"], "job", 1))
        assert (again.code, again.next_offset) == (OK, 2)


async def test_a_stream_that_still_works_is_not_waited_for(
    tmp_path: Path, keys: Path, persister: ReferencePersister
) -> None:
    """Without a replica nothing of it would ever be settled, also where its input has ended."""
    key = make_key(keys, "alice")
    persister.add("job", "alice")
    async with (
        gateway_process(tmp_path, persister, [], "--keys", str(keys)) as process,
        keyed(process, key) as client,
        client.open() as stream,
    ):
        await stream.write(message("Ada", upload_id="job", offset=0))
        await stream.until(lambda heard: heard.progress)
        await stream.half_close()
        revoke_key(keys, key.partition(".")[0])
        heard = await stream.ended(20)
        assert heard.code is grpc.StatusCode.UNAUTHENTICATED
        assert heard.next_offset == 0


async def test_a_stream_goes_on_while_its_owners_keys_are_rotated(
    tmp_path: Path, keys: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """The new key is good at once, the old one until it is revoked."""
    old = make_key(keys, "alice")
    persister.add("job", "alice")
    async with (
        gateway_process(tmp_path, persister, [extractor], "--keys", str(keys)) as process,
        keyed(process, old) as client,
        client.open() as stream,
    ):
        await stream.write(message("Ada", upload_id="job", offset=0))
        new, _ = rotate_key(keys, old.partition(".")[0], timedelta(hours=1))
        async with keyed(process, new) as renewed:
            get = upload_pb2.GetUploadRequest(upload_id="job")
            until = time.monotonic() + 60
            while await code_of(renewed.uploads.GetUpload(get)) is not OK:
                assert time.monotonic() < until
                await asyncio.sleep(0.05)
            await stream.write(message("Bob"))
            await stream.until(lambda heard: heard.next_offset == 2)
            await stream.half_close()
            assert (await stream.ended()).code is OK
            revoke_key(keys, old.partition(".")[0])
            while await code_of(client.uploads.GetUpload(get)) is OK:
                assert time.monotonic() < until
                await asyncio.sleep(0.05)
            heard = await renewed.stream(messages(["Cid"], "job", 2))
            assert (heard.code, heard.next_offset) == (OK, 3)
        log = process.log_path.read_text()
        for key in (old, new):
            assert key.partition(".")[2] not in log
