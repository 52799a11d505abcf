"""Time is virtual: what a sink does beside parts comes at the same moment in each run."""

import asyncio
from collections.abc import Callable

import pytest
from support.virtual_time import VirtualLoop

WIRED = {"test_errors", "test_indexes"}
"""They have Google's client, and it has a server: threads and sockets, with a time of their own."""


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let each test wait on such a loop."""
    if item.path.stem in WIRED:
        return {"real": asyncio.SelectorEventLoop}
    return {"virtual": VirtualLoop}
