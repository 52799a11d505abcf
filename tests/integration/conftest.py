"""What integration tests share."""

import os

import pytest
from support import firestore_emulator


@pytest.fixture(scope="session")
def emulator() -> str:
    """host:port of the Firestore emulator; skips where it is not installed, but not in CI."""
    reason = firestore_emulator.missing()
    if reason is not None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(f"CI needs the Firestore emulator: {reason}")
        pytest.skip(reason)
    return firestore_emulator.running()
