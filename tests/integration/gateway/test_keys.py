"""A gateway's process with a keys file: each attack, and what each key may."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from newstally import Access, NewstallyClient, NotFound
from newstally.keys import make_key, revoke_key
from newstally_gateway.persister.forwarding import bound_to
from newstally_protos.keys import Limits
from newstally_protos.v1 import tally_pb2, upload_pb2
from newstally_protos.wire import connect
from newstally_runtime.status import StatusError
from support.gateway_wire import (
    client_of,
    eventually,
    gateway_process,
    messages,
)
from support.keyed import code_of, keyed
from support.processes import Process
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import ReferencePersister

pytestmark = pytest.mark.processes

METHODS = [
    "/newstally.v1.GatewayService/StreamArticles",
    "/newstally.v1.GatewayService/UploadArticles",
    "/newstally.v1.UploadService/CreateUpload",
    "/newstally.v1.UploadService/GetUpload",
    "/newstally.v1.UploadService/ListRefusals",
    "/newstally.v1.TallyService/ListPublications",
    "/newstally.v1.TallyService/ListEntityTallies",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/newstally.v1.JournalService/RecordBatch",
]


OK = grpc.StatusCode.OK


async def knock(process: Process, method: str, metadata: Any = ()) -> grpc.StatusCode:
    """Call a method with nothing that could be decoded; return what came of it."""
    async with connect(process.address) as channel:
        door: Any = channel.unary_unary(method)
        code: grpc.StatusCode = await door(b"\xff\xff", metadata=metadata, timeout=20).code()
        return code


def make_nothing(path: Path) -> None:
    path.touch()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


async def test_no_method_is_open_without_a_good_key(
    tmp_path: Path, keys: Path, persister: ReferencePersister
) -> None:
    """None, wrong, truncated, expired, revoked: the attacker gets UNAUTHENTICATED each time."""
    good = make_key(keys, "team-a", ["read", "write", "admin"])
    revoked = make_key(keys, "team-a")
    revoke_key(keys, revoked.partition(".")[0])
    expired = make_key(keys, "team-a", expires_after=timedelta(seconds=-1))
    shown = [None, good[:-1] + "!", good[:-1], good.partition(".")[0], expired, revoked]
    async with gateway_process(tmp_path, persister, [], "--keys", str(keys)) as process:
        for method in METHODS:
            for key in shown:
                metadata = () if key is None else (("authorization", f"Bearer {key}"),)
                code = await knock(process, method, metadata)
                assert code is grpc.StatusCode.UNAUTHENTICATED, (method, key)
        assert await knock(process, "/grpc.health.v1.Health/Check") is (
            grpc.StatusCode.INVALID_ARGUMENT  # it was let in, and is no message
        )
        assert persister.calls.total() == 0
        log = process.log_path.read_text()
    for key in shown:
        assert key is None or len(key) < 20 or key.partition(".")[2] not in log


async def test_reflection_can_be_open(
    tmp_path: Path, keys: Path, persister: ReferencePersister
) -> None:
    """Then anybody may ask which methods there are, and call none of them."""
    make_key(keys, "team-a")
    flags = ("--keys", str(keys), "--reflection", "open")
    async with gateway_process(tmp_path, persister, [], *flags) as process:
        for method in METHODS:
            opened = await knock(process, method) is not grpc.StatusCode.UNAUTHENTICATED
            assert opened == ("reflection" in method)


async def test_an_empty_file_lets_nobody_in(
    tmp_path: Path, keys: Path, persister: ReferencePersister
) -> None:
    """And says what to do; the first key that comes is taken without a restart."""
    make_nothing(keys)
    async with gateway_process(tmp_path, persister, [], "--keys", str(keys)) as process:
        async with client_of(process) as client:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.tallies.ListPublications(tally_pb2.ListPublicationsRequest())
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert "newstally key new" in (caught.value.details() or "")
        async with keyed(process, make_key(keys, "team-a")) as client:
            request = tally_pb2.ListPublicationsRequest()
            until = time.monotonic() + 60
            while await code_of(client.tallies.ListPublications(request)) is not OK:
                assert time.monotonic() < until
                await asyncio.sleep(0.05)


async def test_the_owner_is_the_keys_whatever_a_client_says(
    tmp_path: Path, keys: Path, persister: ReferencePersister
) -> None:
    """Uploads, streams and refusals of another owner are NOT_FOUND; a forged owner is nothing."""
    alice, bob = (make_key(keys, name) for name in ("alice", "bob"))
    async with gateway_process(tmp_path, persister, [], "--keys", str(keys)) as process:
        async with keyed(process, alice) as client:
            wish = upload_pb2.CreateUploadRequest(upload_id="job")
            await client.uploads.CreateUpload(wish, metadata=(("newstally-owner", "bob"),))
            assert persister.uploads["job"].owner == "alice"
        async with keyed(process, bob) as client:
            get = upload_pb2.GetUploadRequest(upload_id="job")
            forged = (("newstally-owner", "alice"),)
            for metadata in ((), forged):
                found = await code_of(client.uploads.GetUpload(get, metadata=metadata))
                assert found is grpc.StatusCode.NOT_FOUND
            heard = await client.stream(messages(["Ada"], "job"))
            assert heard.code is grpc.StatusCode.NOT_FOUND
            mine = upload_pb2.AssignUploadRequest(upload_id="job", owner="bob")
            denied = await code_of(client.uploads.AssignUpload(mine))
            assert denied is grpc.StatusCode.PERMISSION_DENIED
        assert persister.owners == {"alice", "bob"}
        assert persister.calls["RecordBatch"] == 0


async def test_batches_are_recorded_for_the_owner(
    tmp_path: Path, keys: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """So that the persister can check it, too."""
    alice = make_key(keys, "alice")
    persister.add("job", "alice")
    async with (
        gateway_process(tmp_path, persister, [extractor], "--keys", str(keys)) as process,
        keyed(process, alice) as client,
    ):
        heard = await client.stream(messages(["Ada"], "job"))
        assert (heard.code, heard.next_offset) == (OK, 1)
        assert persister.owners == {"alice"}


async def test_an_admin_key_assigns(
    tmp_path: Path, keys: Path, persister: ReferencePersister
) -> None:
    """What was made without a key."""
    admin = make_key(keys, "operator", ["admin"])
    persister.add("job")
    async with (
        gateway_process(tmp_path, persister, [], "--keys", str(keys)) as process,
        NewstallyClient(process.address, access=Access(key=admin)) as client,
    ):
        upload = await client.assign_upload("job", "alice")
        assert upload.upload_id == "job"
        with pytest.raises(NotFound):
            await client.assign_upload("none", "alice")
    assert persister.uploads["job"].owner == "alice"


async def test_limits_hold_for_each_gateway_beside_a_persister_of_0_2_0(
    tmp_path: Path, keys: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """It shares none; that is said."""
    persister.knows_tokens = False
    persister.add("job", "alice")
    key = make_key(keys, "alice", limits=Limits(articles_per_second=1000.0, streams=1))
    async with (
        gateway_process(tmp_path, persister, [extractor], "--keys", str(keys)) as process,
        keyed(process, key) as client,
    ):
        heard = await client.stream(messages(["Ada", "Bob"], "job"))
        assert (heard.code, heard.next_offset) == (OK, 2)
        await eventually(
            lambda: process.events("limits hold for each gateway by itself"), "it is told"
        )


async def test_a_key_writes_only_its_publications(
    tmp_path: Path, keys: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Another one ends the stream, and what came before it is settled: the upload can go on."""
    key = make_key(keys, "alice", publications=["the *"])
    persister.add("job", "alice")
    async with (
        gateway_process(tmp_path, persister, [extractor], "--keys", str(keys)) as process,
        keyed(process, key) as client,
    ):
        sent = messages(["Ada", "Bob", "Cid"], "job")
        sent[1].article.publication = "Somebody Else's"
        heard = await client.stream(sent)
        assert heard.code is grpc.StatusCode.PERMISSION_DENIED
        assert "offset 1" in heard.details
        assert heard.next_offset == persister.uploads["job"].next_offset == 1
        assert heard.refusals == []
        heard = await client.stream(messages(["Bob", "Cid"], "job", 1))
        assert (heard.code, heard.next_offset) == (OK, 3)


async def test_a_key_reads_only_its_publications(
    tmp_path: Path, keys: Path, persister: ReferencePersister
) -> None:
    """Others are not there; what is about all is denied; a client cannot widen that itself."""
    key = make_key(keys, "alice", publications=["The *"])
    free = make_key(keys, "bob")
    asked = tally_pb2.ListPublicationsRequest(readable=["*"])
    async with gateway_process(tmp_path, persister, [], "--keys", str(keys)) as process:
        async with keyed(process, key) as client:
            await client.tallies.ListPublications(asked)
            assert persister.readable == ["The *"]
            persister.knows_tokens = False  # of release 0.2.0: it lists all
            listed = await code_of(client.tallies.ListPublications(asked))
            assert listed is grpc.StatusCode.UNAVAILABLE
            for name, code in (
                ("the post", OK),
                ("another", grpc.StatusCode.NOT_FOUND),
                ("", grpc.StatusCode.PERMISSION_DENIED),
            ):
                request = tally_pb2.ListEntityTalliesRequest(publication=name)
                assert await code_of(client.tallies.ListEntityTallies(request)) is code
            finding = tally_pb2.FindEntitiesRequest()
            denied = await code_of(client.tallies.FindEntities(finding))
            assert denied is grpc.StatusCode.PERMISSION_DENIED
        async with keyed(process, free) as client:
            await client.tallies.ListPublications(asked)
            assert persister.readable == []


def test_no_question_is_open_to_a_bound_key() -> None:
    """Each method of TallyService names a publication, filters, or is denied."""
    service = tally_pb2.DESCRIPTOR.services_by_name["TallyService"]
    assert len(service.methods) >= 7
    for method in service.methods:
        request = getattr(tally_pb2, method.input_type.name)()
        if method.name == "ListPublications":
            bound_to(("a",), request)
            assert list(request.readable) == ["a"]
            continue
        with pytest.raises(StatusError) as caught:
            bound_to(("a",), request)
        assert caught.value.code is grpc.StatusCode.PERMISSION_DENIED, method.name
        bound_to(None, request)
        if "publication" in method.input_type.fields_by_name:
            request.publication = "b"
            with pytest.raises(StatusError) as caught:
                bound_to(("a",), request)
            assert caught.value.code is grpc.StatusCode.NOT_FOUND, method.name
            request.publication = "A"
            bound_to(("a",), request)
