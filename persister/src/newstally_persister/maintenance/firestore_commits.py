"""How commands read from Firestore and commit to it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from google.api_core.exceptions import InvalidArgument

READ_SECONDS = 30.0
COMMIT_SECONDS = 30.0
Item = TypeVar("Item")


async def in_halves(
    items: Sequence[Item], commit: Callable[[Sequence[Item]], Awaitable[None]]
) -> None:
    """Commit some together; in halves where Firestore refuses them together.

    Raises InvalidArgument where it refuses one alone.
    """
    try:
        await commit(items)
    except InvalidArgument:
        if len(items) == 1:
            raise
        half = len(items) // 2
        await in_halves(items[:half], commit)
        await in_halves(items[half:], commit)
