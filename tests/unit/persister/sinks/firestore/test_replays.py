"""A seed stands for one life of a sink, in any process, whatever its hashes are."""

import hashlib
import os
import subprocess
import sys

from support.compact_lives import live as compact_life
from support.firestore_memory import MemoryFirestore
from support.listing_lives import live as listing_life
from support.processes import REPOSITORY
from support.virtual_time import run


def told() -> str:
    """Return what some lives left, and what it took."""
    listed = [run(listing_life(seed, journals)) for seed, journals in ((0, 1), (3, 1), (3, 2))]
    compact = [run(compact_life(seed)).memory for seed in (0, 1)]
    return "\n".join(map(_told, [*listed, *compact]))


def _told(database: MemoryFirestore) -> str:
    left = hashlib.sha256(repr(sorted(database.stored.items())).encode()).hexdigest()
    return f"{left} {database.reads} {database.bytes_read} {database.writes}"


def test_replays() -> None:
    """Another process, with another order of sets, has the same lives."""
    again = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import told; print(told(), end='')"],
        env={**os.environ, "PYTHONHASHSEED": "4", "PYTHONPATH": str(REPOSITORY / "tests")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    first = told()
    assert again.stdout.endswith(first), again.stdout
    assert len(set(first.splitlines())) == 5
