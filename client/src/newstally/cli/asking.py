"""What the commands share that ask a question and wait for the answer."""

import contextlib
from collections.abc import Iterator
from typing import Self

from newstally._gateway.probing import check_target
from newstally.client import DEFAULT_TARGET, NewstallyClient
from newstally.errors import GaveUp, InputError, NoGateway
from newstally.settings import Access, RetryPolicy

PATIENCE_SECONDS = 10.0
"""A person waits for the answer; an upload has more time."""


def address(target: str | None) -> str:
    """Return where the gateway is. Raises InputError for what cannot be an address."""
    where = target or DEFAULT_TARGET
    wrong = check_target(where)
    if wrong is not None:
        raise InputError(f"--target: {wrong}")
    return where


class _Away(GaveUp):
    """No gateway is there, and it is known why."""


class _Asking(NewstallyClient):
    """A client that looks who is there when it is opened."""

    def __init__(self, target: str, access: Access) -> None:
        retry = RetryPolicy(give_up_after=PATIENCE_SECONDS)
        super().__init__(target, access=access, retry=retry)
        self._where = target

    async def __aenter__(self) -> Self:
        """Raises NoGateway and GaveUp, with the remedy: at once where the cause is certain."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                await super().__aenter__()
                stack.push_async_exit(self)
                await self.reach(PATIENCE_SECONDS, patient=False)
                stack.pop_all()  # it stays open
        except NoGateway as error:
            raise NoGateway(f"no Newstally gateway at {self._where}: {error}") from error
        except GaveUp as error:
            raise _Away(f"no gateway at {self._where}: {error}") from error
        return self


@contextlib.contextmanager
def asking(target: str | None, access: Access) -> Iterator[NewstallyClient]:
    """Give a client, not open yet, with the patience of a person.

    Raises InputError for what cannot be an address, NoGateway and GaveUp with the remedy.
    """
    where = address(target)
    try:
        yield _Asking(where, access)
    except _Away:
        raise
    except GaveUp as error:
        raise GaveUp(
            f"gateway {where} is there, but has not answered for {PATIENCE_SECONDS:g} s ({error})"
        ) from error
