"""The first contact with a gateway, before anything is read or begun."""

import asyncio
from collections.abc import Callable

from newstally.cli.uploading.display import LineDisplay
from newstally.cli.uploading.states import StateStore
from newstally.client import DEFAULT_TARGET, FIRST_CONTACT_SECONDS, NewstallyClient
from newstally.errors import GaveUp, InputError, NoGateway
from newstally.settings import Access

SIGN_AFTER_SECONDS = 0.5
"""A gateway that answers sooner is not worth a line."""


def early_target(
    store: StateStore, target: str | None, upload_id: str | None, *, resume: bool
) -> str | None:
    """Return where the upload will go, or None while that hangs on the input."""
    if target is not None:
        return target
    if upload_id is not None:
        state = store.find(upload_id)
        return DEFAULT_TARGET if state is None else state.target
    return None if resume else DEFAULT_TARGET


async def reach(
    target: str,
    access: Access,
    give_up_after: float | None,
    *,
    wait: bool,
    tell: Callable[[str], None],
) -> None:
    """Return when a gateway answers at `target`; `tell` what is waited for.

    Raises InputError for what cannot be an address, NoGateway and GaveUp with the remedy.
    """
    within = None if wait else FIRST_CONTACT_SECONDS
    if give_up_after is not None:
        within = give_up_after if within is None else min(within, give_up_after)
    try:
        client = NewstallyClient(target, access=access)
    except NoGateway as error:
        raise InputError(f"--target: {error}") from error
    # Finding out that nothing answers takes seconds.
    sign = asyncio.get_running_loop().call_later(
        SIGN_AFTER_SECONDS, tell, f"connecting to gateway {target}"
    )
    try:
        async with client:
            await client.reach(within, on_event=LineDisplay(0, target, tell))
    except NoGateway as error:
        raise NoGateway(f"no Newstally gateway at {target}: {error}") from error
    except GaveUp as error:
        remedy = "" if wait else " (--wait waits for it as long as it takes)"
        raise GaveUp(f"no gateway at {target}: {error}{remedy}") from error
    finally:
        sign.cancel()
