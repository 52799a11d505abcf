"""Time is virtual: what a sink does beside parts comes at the same moment in each run."""

from collections.abc import Callable

from support.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], VirtualLoop]]:
    """Let each test wait on such a loop."""
    return {"virtual": VirtualLoop}
