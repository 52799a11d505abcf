"""What the commands share that ask a question and wait for the answer."""

import contextlib
from collections.abc import Iterator

from newstally.client import DEFAULT_TARGET, NewstallyClient
from newstally.errors import GaveUp
from newstally.settings import Access, RetryPolicy

PATIENCE_SECONDS = 10.0
"""A person waits for the answer; an upload has more time."""


def asking(target: str | None, access: Access) -> NewstallyClient:
    """Return a client with the patience of a person."""
    retry = RetryPolicy(give_up_after=PATIENCE_SECONDS)
    return NewstallyClient(target or DEFAULT_TARGET, access=access, retry=retry)


@contextlib.contextmanager
def unreached(target: str | None) -> Iterator[None]:
    """Say what to do where no gateway answers."""
    try:
        yield
    except GaveUp as error:
        raise GaveUp(
            f"gateway {target or DEFAULT_TARGET} has not answered for {PATIENCE_SECONDS:g} s; is it"
            f" running? `newstally up` starts one, --target names another ({error})"
        ) from error
