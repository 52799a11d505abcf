"""Whose uploads are which: no owner ever begins anew what another name for it has begun."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import owned
from newstally_persister.values.batches import read_batch
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import Article, database, request

ONE: Article = ("Post", [("x", "P")])
OWNERS = ("anonymous", "alice", "bob")
steps = st.lists(
    st.tuples(
        st.sampled_from(("create", "assign", "release 0.2.0 creates")),
        st.sampled_from(("u", "v")),
        st.sampled_from(OWNERS),
    ),
    max_size=12,
)


@given(steps)
def test_every_name_keeps_meaning_the_same_upload(taken: list[tuple[str, str, str]]) -> None:
    """Whoever was given an upload by an id gets that one for ever, also from the release before."""
    store = JournalStore(database())
    known: dict[tuple[str, str], str] = {}
    for step, upload_id, owner in taken:
        if step == "assign":
            if owner == "anonymous":
                continue
            before = store.find_upload(upload_id, "anonymous")
            upload = store.run(owned.assign, upload_id, owner)
            if upload is not None and (owner, upload_id) not in known:
                assert before is not None
                known[owner, upload_id] = known.pop(("anonymous", upload_id))
        elif step == "create":
            (upload,) = store.create_uploads([NewUpload(upload_id, owner)], 1)
            assert upload is not None
            if upload.owner == owner:
                assert upload.own_id == upload_id
                assert known.setdefault((owner, upload_id), upload.upload_id) == upload.upload_id
            else:
                assert "anonymous" in (upload.owner, owner), "named owners have ids of their own"
        else:  # its rule: the id decides, whoever owns it
            upload = store.get_upload(upload_id)
            if upload is None:
                (upload,) = store.create_uploads([NewUpload(upload_id, owner)], 1)
                known[owner, upload_id] = upload_id
            elif upload.owner == owner:
                assert known[owner, upload_id] == upload_id, "not one that it began anew"
    for (owner, upload_id), stored in known.items():
        found = store.find_upload(upload_id, owner)
        assert found is not None
        assert (found.upload_id, found.owner) == (stored, owner)
        plain = store.get_upload(upload_id)
        assert plain is not None, "the release before finds something, and makes nothing anew"
    assert len(set(known.values())) == len(known)


def test_a_batch_is_recorded_for_its_owner_only() -> None:
    """To the others the upload is not there."""
    store = JournalStore(database())
    store.create_uploads([NewUpload("u", "alice"), NewUpload("u", "bob")], 1)
    answers = store.record_batches(
        [
            read_batch(request(stored, 0, [ONE]), owner)
            for stored, owner in (
                ("u", "bob"),
                ("u", "anonymous"),
                ("bob/u", "alice"),
                ("u", "alice"),
                ("bob/u", "bob"),
            )
        ],
        2,
    )
    assert [a is not None and a.recorded for a in answers] == [False] * 3 + [True] * 2
    assert answers[:3] == [None] * 3
