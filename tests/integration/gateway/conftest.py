"""What stands on both sides of the gateway's process."""

from collections.abc import AsyncIterator

import pytest
from support.reference_extractor import ReferenceExtractor, reference_extractor
from support.reference_persister import ReferencePersister, reference_persister


@pytest.fixture
async def persister() -> AsyncIterator[ReferencePersister]:
    async with reference_persister() as made:
        yield made


@pytest.fixture
async def extractor() -> AsyncIterator[ReferenceExtractor]:
    async with reference_extractor() as made:
        yield made
