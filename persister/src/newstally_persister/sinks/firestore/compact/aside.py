"""Computes beside the event loop, so that intake and answers go on."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

WORTH_BYTES = 16 * 1024
"""What is smaller takes less time than a thread."""
Result = TypeVar("Result")


async def aside(size_bytes: int, compute: Callable[[], Result]) -> Result:
    """Compute something from so many bytes of documents, in a thread where that is worth it."""
    return await asyncio.to_thread(compute) if size_bytes > WORTH_BYTES else compute()
