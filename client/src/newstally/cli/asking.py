"""What the commands share that ask a question and wait for the answer."""

import asyncio
import contextlib
from collections.abc import Iterator

from newstally._gateway.probing import find_out
from newstally.client import DEFAULT_TARGET, NewstallyClient
from newstally.errors import GaveUp, NoGateway
from newstally.settings import Access, RetryPolicy

PATIENCE_SECONDS = 10.0
"""A person waits for the answer; an upload has more time."""


@contextlib.contextmanager
def asking(target: str | None, access: Access) -> Iterator[NewstallyClient]:
    """Give a client, not open yet, with the patience of a person.

    Where nothing answers, what is there is looked at: NoGateway says what waiting does not mend.
    """
    where = target or DEFAULT_TARGET
    retry = RetryPolicy(give_up_after=PATIENCE_SECONDS)
    try:
        yield NewstallyClient(where, access=access, retry=retry)
    except GaveUp as error:
        finding = asyncio.run(find_out(where, access))
        if finding.final:
            raise NoGateway(f"no Newstally gateway at {where}: {finding.text}") from error
        waited = f"gateway {where} has not answered for {PATIENCE_SECONDS:g} s"
        if finding.away:
            raise GaveUp(f"{waited}: {finding.text}") from error
        raise GaveUp(
            f"{waited}; is it running? `newstally up` starts one, --target names another ({error})"
        ) from error
