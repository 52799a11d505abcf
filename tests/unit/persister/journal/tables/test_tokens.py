"""Tokens: the later stream wins, whichever process told them."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import owned
from newstally_persister.services.owners import Tokens
from newstally_persister.values.batches import read_batch
from unit.persister.building import Article, database, journal, request

ONE: Article = ("Post", [("x", "P")])


CLOCKS = st.integers(-5, 2_000_000_000) | st.integers(2**32 - 5, 2**34)
"""In seconds since 1970; also those that went wrong."""


@given(st.lists(st.tuples(CLOCKS, st.integers(0, 3)), max_size=10))
def test_tokens_only_grow_whatever_the_clock_says(processes: list[tuple[int, int]]) -> None:
    """From process to process, on one journal."""
    store = JournalStore(database())
    told: list[int] = []
    for clock, number in processes:
        counter = Tokens()
        counter.begin(store.run(owned.begin_epoch, clock))
        told += [counter.next() for _ in range(number)]
    assert told == sorted(set(told))
    assert all(0 < token < 2**63 for token in told)


@given(st.integers(2**32, 2**40), st.integers(0, 2**50))
def test_an_epoch_that_no_token_can_have_is_forgotten(epoch: int, token: int) -> None:
    """A release that believed any clock has left it there, and could open no stream since."""
    store = JournalStore(database())
    store._connection.execute("INSERT INTO epochs VALUES (?)", (epoch,))
    store._connection.execute("INSERT INTO tokens VALUES ('u', ?)", (token,))
    assert token < store.run(owned.begin_epoch, epoch) < 2**63


def test_a_restored_journal_does_not_tell_old_tokens() -> None:
    """The clock is later than that of the backup."""
    before = JournalStore(database()).run(owned.begin_epoch, 1_000)
    assert JournalStore(database()).run(owned.begin_epoch, 2_000) > before


def test_a_group_decides_batch_by_batch() -> None:
    """What is overtaken in one transaction is answered by itself."""
    store = journal("u", "v")

    def record(*batches: tuple[str, int, int]) -> list[tuple[bool, bool]]:
        made = []
        for upload_id, first, token in batches:
            sent = request(upload_id, first, [ONE])
            sent.token = token
            made.append(read_batch(sent))
        answers = store.record_batches(made, 1)
        return [(a.recorded, a.fenced) for a in answers if a is not None]

    assert record(("u", 0, 5), ("u", 1, 7), ("u", 2, 5), ("v", 0, 1), ("u", 2, 7)) == [
        (True, False),
        (True, False),
        (False, True),
        (True, False),
        (True, False),
    ]
    assert record(("u", 9, 9)) == [(False, False)], "it does not follow, and takes over"
    assert record(("u", 3, 7)) == [(False, True)]
    assert record(("u", 3, 0)) == [(True, False)], "of the release before"
    upload = store.get_upload("u")
    assert upload is not None
    assert upload.next_offset == 4
