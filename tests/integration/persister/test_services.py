"""The persister's three services over the wire: answers, owners, pages, status codes."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from newstally_protos.v1 import tally_pb2, upload_pb2
from newstally_protos.wire import retry_delay_seconds
from support.processes import Process
from unit.persister.building import Article, recount, request
from unit.persister.calling import SECONDS, Caller, persister

ALICE = (("newstally-owner", "alice"),)
BOB = (("newstally-owner", "bob"),)
Owner = tuple[tuple[str, str], ...]
ONE: Article = ("Post", [("x", "P")])


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with persister(tmp_path_factory.mktemp("services"), "--flush-age", "0.01") as running:
        yield running


@pytest.fixture
def caller(process: Process) -> Iterator[Caller]:
    with Caller(process.address) as made:
        yield made


def test_an_upload_belongs_to_its_owner(caller: Caller) -> None:
    """The same id again is the same upload; another owner neither gets, sees nor adds to it."""
    wish = upload_pb2.CreateUploadRequest(upload_id="job-1")
    first = caller.uploads.CreateUpload(wish, metadata=ALICE, timeout=SECONDS).upload
    assert caller.uploads.CreateUpload(wish, metadata=ALICE, timeout=SECONDS).upload == first
    get = upload_pb2.GetUploadRequest(upload_id="job-1")
    refusals = upload_pb2.ListRefusalsRequest(upload_id="job-1")
    forged = request("job-1", 0, [ONE])
    for owner in (BOB, ()):
        attempts: list[tuple[Any, Any]] = [
            (caller.uploads.GetUpload, get),
            (caller.uploads.ListRefusals, refusals),
            (caller.journal.RecordBatch, forged),
        ]
        for call, asked in attempts:
            with pytest.raises(grpc.RpcError) as caught:
                call(asked, metadata=owner, timeout=SECONDS)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as caught:
        caller.uploads.CreateUpload(wish, timeout=SECONDS)
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert caller.uploads.GetUpload(get, metadata=ALICE, timeout=SECONDS).upload == first


def test_owners_with_keys_have_ids_of_their_own(caller: Caller) -> None:
    """Each adds to its own, and to no other; a gateway is told what batches call it."""
    wish = upload_pb2.CreateUploadRequest(upload_id="shared-id", opening=True)
    stored = {}
    for owner in (ALICE, BOB):
        made = caller.uploads.CreateUpload(wish, metadata=owner, timeout=SECONDS)
        assert (made.upload.upload_id, made.upload.next_offset) == ("shared-id", 0)
        stored[owner] = made.opening.stored_id
    assert stored == {ALICE: "shared-id", BOB: "bob/shared-id"}
    for owner, number in ((ALICE, 1), (BOB, 3)):
        sent = request(stored[owner], 0, [ONE] * number)
        answer = caller.journal.RecordBatch(sent, metadata=owner, timeout=SECONDS).upload
        assert (answer.upload_id, answer.next_offset) == ("shared-id", number)
    get = upload_pb2.GetUploadRequest(upload_id="shared-id")
    for owner, number in ((ALICE, 1), (BOB, 3)):
        upload = caller.uploads.GetUpload(get, metadata=owner, timeout=SECONDS).upload
        assert upload.next_offset == number
        listed = caller.uploads.ListUploads(
            upload_pb2.ListUploadsRequest(), metadata=owner, timeout=SECONDS
        ).uploads
        assert [u.next_offset for u in listed if u.upload_id == "shared-id"] == [number]
    sent = request(stored[BOB], 3, [ONE])
    with pytest.raises(grpc.RpcError) as caught:
        caller.journal.RecordBatch(sent, metadata=ALICE, timeout=SECONDS)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as caught:
        caller.uploads.GetUpload(
            upload_pb2.GetUploadRequest(upload_id="bob/shared-id"), metadata=BOB, timeout=SECONDS
        )
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_what_was_made_without_a_key_can_be_assigned(caller: Caller) -> None:
    """Nobody begins anew meanwhile: that would count everything once more."""
    caller.create("old-job")
    caller.record("old-job", 0, [ONE])
    wish = upload_pb2.CreateUploadRequest(upload_id="old-job")
    get = upload_pb2.GetUploadRequest(upload_id="old-job", opening=True)
    asked: list[tuple[Any, Any]] = [(caller.uploads.CreateUpload, wish)]
    asked.append((caller.uploads.GetUpload, get))  # who goes on only looks it up
    for call, request_ in asked:
        with pytest.raises(grpc.RpcError, match="have it assigned") as caught:
            call(request_, metadata=ALICE, timeout=SECONDS)
        assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assign = upload_pb2.AssignUploadRequest(upload_id="old-job", owner="alice")
    for _ in range(2):
        assert caller.uploads.AssignUpload(assign, timeout=SECONDS).upload.next_offset == 1
    made = caller.uploads.CreateUpload(wish, metadata=ALICE, timeout=SECONDS)
    assert made.upload.next_offset == 1
    with pytest.raises(grpc.RpcError) as caught:
        caller.uploads.CreateUpload(wish, timeout=SECONDS)
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    for upload_id, owner, code in (
        ("old-job", "bob", grpc.StatusCode.NOT_FOUND),
        ("never-made", "bob", grpc.StatusCode.NOT_FOUND),
        ("old-job", "a/b", grpc.StatusCode.INVALID_ARGUMENT),
        ("alice/x", "bob", grpc.StatusCode.INVALID_ARGUMENT),
    ):
        wrong = upload_pb2.AssignUploadRequest(upload_id=upload_id, owner=owner)
        with pytest.raises(grpc.RpcError) as caught:
            caller.uploads.AssignUpload(wrong, timeout=SECONDS)
        assert caught.value.code() is code


def test_the_later_stream_takes_an_upload_over(caller: Caller) -> None:
    """Batches of the earlier one change nothing from its first batch on; tokenless ones do."""
    get = upload_pb2.GetUploadRequest(upload_id="raced", opening=True)
    caller.create("raced")
    first, second = (caller.uploads.GetUpload(get, timeout=SECONDS).opening.token for _ in range(2))
    assert 0 < first < second

    def record(offset: int, token: int) -> int:
        sent = request("raced", offset, [ONE])
        sent.token = token
        answer = caller.journal.RecordBatch(sent, timeout=SECONDS)
        return answer.upload.next_offset

    assert record(0, first) == 1
    assert record(0, second) == 1, "it takes over though it does not follow"
    for offset in (0, 1):
        with pytest.raises(grpc.RpcError, match="taken this upload over") as caught:
            record(offset, first)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert record(1, second) == 2
    assert record(2, 0) == 3, "a gateway of the release before"
    with pytest.raises(grpc.RpcError) as caught:
        record(3, -1)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_id_used_again_for_another_input_is_told_apart(caller: Caller) -> None:
    """FAILED_PRECONDITION where both said what their input is, and differ."""

    def create(upload_id: str, fingerprint: bytes) -> None:
        wish = upload_pb2.CreateUploadRequest(upload_id=upload_id, fingerprint=fingerprint)
        caller.uploads.CreateUpload(wish, timeout=SECONDS)

    for fingerprint in (b"one", b"one", b""):
        create("job-2", fingerprint)
    with pytest.raises(grpc.RpcError, match="another input") as caught:
        create("job-2", b"two")
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    create("job-3", b"")
    create("job-3", b"whatever")
    with pytest.raises(grpc.RpcError, match="fingerprint") as caught:
        create("job-4", b"x" * 65)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_uploads_of_a_day_are_bounded(tmp_path: Path) -> None:
    """Over the bound: wait, with RetryInfo. The uploads that there are go on."""
    with (
        persister(tmp_path, "--uploads-per-day", "2") as process,
        Caller(process.address) as caller,
    ):
        for name in "aba":
            caller.create(name)
        with pytest.raises(grpc.RpcError, match="--uploads-per-day") as caught:
            caller.create("c")
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "RetryInfo" in str(caught.value.trailing_metadata())
        assert caller.record("a", 0, [ONE]).next_offset == 1


def test_an_id_is_made_up_when_none_is_given(caller: Caller) -> None:
    """Such ids differ, and need no escaping anywhere."""
    made = {
        caller.uploads.CreateUpload(
            upload_pb2.CreateUploadRequest(), timeout=SECONDS
        ).upload.upload_id
        for _ in range(5)
    }
    assert len(made) == 5
    assert all(name.isalnum() and name.isascii() and len(name) >= 32 for name in made)


@pytest.mark.parametrize("upload_id", ["-a", "a/b", "a b", "ä", "x" * 129, "a\n", ".."])
def test_a_malformed_id_is_an_invalid_argument(caller: Caller, upload_id: str) -> None:
    """The error names the field."""
    for ask in (caller.create, caller.upload):
        with pytest.raises(grpc.RpcError, match="upload_id: must be 1 to 128 letters") as caught:
            ask(upload_id)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_unknown_upload_is_never_made(caller: Caller) -> None:
    """NOT_FOUND to every call that names it."""
    for call in (
        lambda: caller.upload("nobody"),
        lambda: caller.record("nobody", 0, [ONE]),
        lambda: caller.uploads.ListRefusals(
            upload_pb2.ListRefusalsRequest(upload_id="nobody"), timeout=SECONDS
        ),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_batch_is_answered_with_the_truth(caller: Caller) -> None:
    """In turn, behind and ahead: each answer is the upload as it stands."""
    caller.create("truth")
    first = caller.record("truth", 0, [ONE, None])
    assert (first.next_offset, first.counted, first.refused, first.mentions) == (2, 1, 1, 1)
    assert caller.record("truth", 0, [ONE, ONE]).next_offset == 2
    assert caller.record("truth", 7, [ONE]).next_offset == 2
    stands = caller.upload("truth")
    assert (stands.next_offset, stands.counted, list(stands.models)) == (2, 1, ["en 1"])
    assert stands.create_time.ToMicroseconds() <= stands.update_time.ToMicroseconds()


def test_a_contradiction_is_an_invalid_argument(caller: Caller) -> None:
    """A batch whose sums do not fit is refused, and nothing of it is recorded."""
    caller.create("wrong")
    sent = request("wrong", 0, [ONE, None])
    sent.end_offset = 3
    with pytest.raises(grpc.RpcError, match="publications") as caught:
        caller.journal.RecordBatch(sent, timeout=SECONDS)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert retry_delay_seconds(caught.value) is None
    assert caller.upload("wrong").next_offset == 0


def test_uploads_are_listed_by_owner_those_made_last_first(caller: Caller) -> None:
    """In pages; nobody sees another owner's, nor goes on with another's token."""
    carol, dave = ((("newstally-owner", name),) for name in ("carol", "dave"))
    names = [f"list-{n}" for n in range(5)]
    for name in names:
        wish = upload_pb2.CreateUploadRequest(upload_id=name)
        caller.uploads.CreateUpload(wish, metadata=carol, timeout=SECONDS)

    def page(size: int, token: str, owner: Owner = carol) -> upload_pb2.ListUploadsResponse:
        request = upload_pb2.ListUploadsRequest(page_size=size, page_token=token)
        return caller.uploads.ListUploads(request, metadata=owner, timeout=SECONDS)

    seen, token = [], ""
    for size in (2, 2, 2):
        answer = page(size, token)
        seen += [upload.upload_id for upload in answer.uploads]
        last, token = token, answer.next_page_token
    assert (seen, token) == (names[::-1], "")
    assert list(page(0, "", dave).uploads) == []
    for size, wrong, owner in ((-1, "", carol), (2, "x", carol), (2, last, dave)):
        with pytest.raises(grpc.RpcError) as caught:
            page(size, wrong, owner)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_refusals_come_in_pages(caller: Caller) -> None:
    """By offset; a token belongs to its upload; what was never given out is refused."""
    for upload_id in ("pages", "other"):
        caller.create(upload_id)
        caller.record(upload_id, 0, [None, ONE, None, None])

    def page(size: int, token: str, upload_id: str = "pages") -> upload_pb2.ListRefusalsResponse:
        return caller.uploads.ListRefusals(
            upload_pb2.ListRefusalsRequest(upload_id=upload_id, page_size=size, page_token=token),
            timeout=SECONDS,
        )

    first = page(2, "")
    assert [refusal.offset for refusal in first.refusals] == [0, 2]
    second = page(2, first.next_page_token)
    assert [refusal.offset for refusal in second.refusals] == [3]
    assert second.next_page_token == ""
    for size, token, upload_id in ((-1, "", "pages"), (2, "x", "pages")):
        with pytest.raises(grpc.RpcError) as caught:
            page(size, token, upload_id)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as caught:
        page(2, first.next_page_token, "other")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_tallies_are_what_was_counted(caller: Caller) -> None:
    """Any spelling finds a publication; labels filter; an unknown one is NOT_FOUND."""
    articles: list[Article] = [
        ("Tally  Times", [("x", "P"), ("y", "O"), ("x", "P")]),
        (" tally times", [("x", "P")]),
    ]
    caller.create("tallies")
    caller.record("tallies", 0, articles)
    caller.until_applied("tallies")
    found = {key: n for key, n in caller.everything().items() if key[0] == "tally times"}
    assert found == recount(articles)
    only = caller.tallies.ListEntityTallies(
        tally_pb2.ListEntityTalliesRequest(publication="TALLY TIMES", label="O"), timeout=SECONDS
    )
    assert [(e.text, e.mentions, e.articles) for e in only.entity_tallies] == [("y", 1, 1)]
    for publication, code in (
        ("nobody's", grpc.StatusCode.NOT_FOUND),
        (" ", grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            caller.tallies.ListEntityTallies(
                tally_pb2.ListEntityTalliesRequest(publication=publication), timeout=SECONDS
            )
        assert caught.value.code() is code


def test_a_page_of_long_texts_fits_a_message(caller: Caller) -> None:
    """A thousand items of the largest size are cut by bytes; all of them arrive."""
    caller.create("long")
    texts = [f"{n:04}" + "ä" * 2_046 for n in range(1_000)]
    for start in range(0, 1_000, 500):
        articles: list[Article] = [("Long", [(text, "P")]) for text in texts[start : start + 500]]
        caller.record("long", start, articles)
    caller.until_applied("long")
    found: list[str] = []
    token = ""
    while True:
        page = caller.tallies.ListEntityTallies(
            tally_pb2.ListEntityTalliesRequest(
                publication="Long", page_size=1_000, page_token=token
            ),
            timeout=SECONDS,
        )
        assert page.ByteSize() <= 3 * 1024 * 1024
        found.extend(entity.text for entity in page.entity_tallies)
        token = page.next_page_token
        if not token:
            break
    assert found == texts


def test_it_is_ready_and_measured(process: Process, caller: Caller) -> None:
    """The admin port tells the state of intake and sink, and counts what was answered."""
    caller.create("measured")
    caller.record("measured", 0, [ONE, None])
    caller.record("measured", 0, [ONE, None])
    assert '"intake": "open"' in process.admin("/readyz")
    assert '"state": "working"' in process.admin("/readyz")
    assert process.metric("newstally_persister_batches_total", result="recorded") >= 1
    assert process.metric("newstally_persister_batches_total", result="out_of_turn") >= 1
    assert process.metric("newstally_persister_journal_bytes") > 0


def test_refusals_beyond_those_listed_are_told_as_ranges(caller: Caller) -> None:
    """On the last page of the list."""
    caller.create("refused")
    for first in range(0, 10_500, 1_500):
        caller.record("refused", first, [None] * 1_500)
    token, listed = "", 0
    while True:
        page = caller.uploads.ListRefusals(
            upload_pb2.ListRefusalsRequest(upload_id="refused", page_size=1_000, page_token=token),
            timeout=SECONDS,
        )
        listed += len(page.refusals)
        token = page.next_page_token
        if not token:
            break
        assert not page.refusal_ranges
    (found,) = page.refusal_ranges
    assert (listed, found.first_offset, found.end_offset, found.articles) == (
        10_000,
        10_000,
        10_500,
        500,
    )


def test_any_spelling_finds_a_publication(caller: Caller) -> None:
    """Also one that 0.2.0 would have taken for another publication."""
    caller.create("spellings")
    caller.record("spellings", 0, [("Cafe\u0301 Zeitung", [("x", "P")])])
    caller.until_applied("spellings")
    for spelling in ("CAFÉ  ZEITUNG", "Cafe\u0301 Zeitung", "\u200bcafé zeitung"):
        found = caller.tallies.ListEntityTallies(
            tally_pb2.ListEntityTalliesRequest(publication=spelling), timeout=SECONDS
        )
        assert [tally.text for tally in found.entity_tallies] == ["x"]


def test_what_may_not_be_read_is_not_listed(caller: Caller) -> None:
    """Nor named by a page's token; pages are full all the same."""
    caller.create("bound")
    names = [f"{'open' if n % 3 else 'closed'} {n:02}" for n in range(30)]
    caller.insist("bound", 0, [(name, [("x", "P")]) for name in names])
    caller.until_applied("bound")
    request = tally_pb2.ListPublicationsRequest(page_size=7, readable=["Open *"])
    found: list[str] = []
    while True:
        page = caller.tallies.ListPublications(request, timeout=SECONDS)
        assert page.filtered
        found += [each.publication for each in page.publications]
        assert b"closed" not in base64.urlsafe_b64decode(page.next_page_token)
        if not page.next_page_token:
            break
        assert len(page.publications) == 7
        request.page_token = page.next_page_token
    assert sorted(found) == [name for name in names if name.startswith("open")]
    nothing = tally_pb2.ListPublicationsRequest(readable=["nothing"])
    page = caller.tallies.ListPublications(nothing, timeout=SECONDS)
    assert (list(page.publications), page.next_page_token) == ([], "")
    assert not caller.tallies.ListPublications(tally_pb2.ListPublicationsRequest()).filtered
