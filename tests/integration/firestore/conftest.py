"""The emulator, and what can stand between it and the sink."""

import os
from collections.abc import AsyncIterator

import pytest
from support import firestore_emulator
from support.firestore_proxy import FirestoreProxy


@pytest.fixture(scope="session")
def emulator() -> str:
    """host:port of the Firestore emulator; skips where it is not installed, but not in CI."""
    reason = firestore_emulator.missing()
    if reason is not None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(f"CI needs the Firestore emulator: {reason}")
        pytest.skip(reason)
    return firestore_emulator.running()


@pytest.fixture
async def proxy(emulator: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FirestoreProxy]:
    """Stands before the emulator for every sink that is made while the test runs."""
    async with FirestoreProxy(emulator) as made:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", made.address)
        yield made
