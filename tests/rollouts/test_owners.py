"""Owners with the same upload id, under the previous release of the persister and back."""

from pathlib import Path

import grpc
import pytest
from newstally_protos.v1 import upload_pb2
from rollouts.test_mixed_versions import (
    committed,  # noqa: F401 - a fixture
    previous,  # noqa: F401 - a fixture
)
from rollouts.test_stores import SOON, articles, running
from support.processes import REPOSITORY
from unit.persister.building import recount, request
from unit.persister.calling import SECONDS, Caller

OWNERS = {owner: (("newstally-owner", owner),) for owner in ("alice", "bob", "anonymous")}


def create(caller: Caller, owner: str) -> upload_pb2.CreateUploadResponse:
    wish = upload_pb2.CreateUploadRequest(upload_id="job", opening=True)
    return caller.uploads.CreateUpload(wish, metadata=OWNERS[owner], timeout=SECONDS)


def record(caller: Caller, owner: str, stored_id: str, first: int, token: int) -> int:
    sent = request(stored_id, first, articles(first, 10))
    sent.token = token
    answer = caller.journal.RecordBatch(sent, metadata=OWNERS[owner], timeout=SECONDS)
    return answer.upload.next_offset


@pytest.mark.slow
def test_no_owner_begins_anew_under_the_previous_release(
    previous: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Open streams go on with their own upload; what 0.2.0 cannot tell apart, it refuses."""
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        opened = {owner: create(caller, owner).opening for owner in ("alice", "bob")}
        assert opened["bob"].stored_id == "bob/job"
        for owner, told in opened.items():
            assert record(caller, owner, told.stored_id, 0, told.token) == 10
        with pytest.raises(grpc.RpcError) as caught:
            create(caller, "anonymous")
        assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    with running(previous, tmp_path, *SOON) as (_, caller):
        for owner, told in opened.items():
            assert record(caller, owner, told.stored_id, 10, told.token) == 20
        assert create(caller, "alice").upload.next_offset == 20
        for owner in ("bob", "anonymous"):
            with pytest.raises(grpc.RpcError) as caught:
                create(caller, owner)
            assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        for owner in ("alice", "bob"):
            again = create(caller, owner)
            assert again.upload.next_offset == 20
            assert again.opening.token > opened[owner].token
            stored, token = again.opening.stored_id, again.opening.token
            assert record(caller, owner, stored, 20, token) == 30
            with pytest.raises(grpc.RpcError) as caught:
                record(caller, owner, stored, 30, opened[owner].token)
            assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        caller.create("last")
        caller.insist("last", 0, articles(0, 1))
        caller.until_applied("last")
        everything = articles(0, 30) * 2 + articles(0, 1)
        assert caller.everything() == recount(everything)
