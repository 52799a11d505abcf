"""Refusals of one upload: the first one by one, later ones as ranges."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newstally_persister.journal.tables import refusals
from newstally_persister.values.batches import RefusalRange, read_batch
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import Article, journal, request

ONE: Article = ("Post", [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    batches=st.lists(
        st.lists(st.sampled_from([0, 0, 4, 6]), min_size=1, max_size=8), min_size=1, max_size=8
    ),
    listed=st.integers(0, 10),
    most=st.integers(1, 4),
)
def test_every_refusal_is_told_once(
    monkeypatch: pytest.MonkeyPatch, batches: list[list[int]], listed: int, most: int
) -> None:
    """Listed or in a range of its reason; ranges are few, and exact while there is room."""
    monkeypatch.setattr(refusals, "LISTED_LIMIT", listed)
    monkeypatch.setattr(refusals, "RANGES_LIMIT", most)
    store = journal("u")
    first = 0
    for reasons in batches:
        sent = request("u", first, [None if reason else ONE for reason in reasons])
        for refusal in sent.refusals:
            refusal.reason = reasons[refusal.offset - first]  # type: ignore[assignment]
        store.record_batches([read_batch(sent)], 1)
        first += len(reasons)
    reasons = [reason for batch in batches for reason in batch]
    refused = [(offset, reason) for offset, reason in enumerate(reasons) if reason]
    upload = store.get_upload("u")
    assert upload
    assert upload.refused == len(refused)
    found = [(each.offset, each.reason) for each in store.list_refusals("u", -1, 999)]
    assert found == refused[:listed]
    ranges = store.list_refusal_ranges("u")
    assert [each.first_offset for each in ranges] == sorted(each.first_offset for each in ranges)
    for reason in (4, 6):
        rest = {offset for offset, why in refused[listed:] if why == reason}
        of_reason = [each for each in ranges if each.reason == reason]
        covered = {o for each in of_reason for o in range(each.first_offset, each.end_offset)}
        assert len(of_reason) <= most
        assert rest <= covered
        assert sum(each.articles for each in of_reason) == len(rest)
        if len(of_reason) < most:
            assert rest == covered


def test_a_flood_of_refusals_takes_one_row() -> None:
    """Whatever else it sends, a client that is refused all along fills no disk."""
    store = journal("u")
    for first in range(0, 30_000, 1_000):
        store.record_batches([read_batch(request("u", first, [None] * 1_000))], 1)
    assert len(store.list_refusals("u", -1, 99_999)) == 10_000
    assert store.list_refusal_ranges("u") == [RefusalRange(10_000, 30_000, 4, 20_000)]


def test_many_uploads_list_no_more_than_a_day_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins a new upload again and again fills no disk either; the next day has room."""
    monkeypatch.setattr(refusals, "DAILY_LIMIT", 5)
    store = journal("u", "v")
    day = 86_400_000_000

    def refuse(upload_id: str, first: int, micros: int, owner: str = "anonymous") -> int:
        batch = read_batch(request(upload_id, first, [None] * 4), owner)
        store.record_batches([batch], micros)
        return len(store.list_refusals(upload_id, -1, 99))

    assert [refuse("u", 0, 1), refuse("v", 0, 2), refuse("v", 4, 3)] == [4, 1, 1]
    assert store.list_refusal_ranges("v") == [RefusalRange(1, 8, 4, 7)]
    assert refuse("v", 8, day) == 5
    store.create_uploads([NewUpload("w", "another")], 1)
    assert refuse("w", 0, day, "another") == 4
