"""Keeps callers within the limits of their keys: slows them down, or asks them to wait.

Every second, and at once when a stream waits, the gateway asks the persister for its shares.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

import grpc
import structlog
from newstally_protos.v1 import journal_pb2
from newstally_runtime.deadline import steady
from prometheus_client import Counter as Shown

from newstally_gateway.core.clients.intake import Incoming, size_bytes
from newstally_gateway.core.keys.accounts import Account, Amounts, shared_limits
from newstally_gateway.core.keys.callers import Caller
from newstally_gateway.persister.client import Persister

ASK_SECONDS = 1.0
"""How often shares are renewed."""
TRY_SECONDS = 2.0
"""Deadline of one try."""
SLOT_SECONDS = 3.0
"""How long a stream waits for a slot."""
HITS = 1_000
"""Owners and limits whose hits are counted."""
FORGET_SECONDS = 60.0
"""A key without streams is forgotten after this."""

M = TypeVar("M", bound=Incoming)

log = structlog.get_logger()


class Limiting:
    """The accounts of all keys that have limits."""

    def __init__(self, persister: Persister, hits: Shown) -> None:
        """`hits` counts by owner and limit, too."""
        self._persister = persister
        self._shown = hits
        self._name = secrets.token_hex(8)
        self._accounts: dict[str, Account] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._hurry = asyncio.Event()
        self._answered = asyncio.Condition()
        self._alone = False
        self._hits: Counter[tuple[str, str]] = Counter()

    @property
    def hits(self) -> Mapping[tuple[str, str], int]:
        """How often an owner met a limit: articles held up, streams turned away."""
        return self._hits

    def account(self, caller: Caller) -> Account | None:
        """Return the caller's account; None where it has no limits that gateways share."""
        key = caller.key
        if key is None or (limits := shared_limits(key.limits)) == Amounts():
            return None
        account = self._accounts.get(key.account)
        if account is None:
            account = self._accounts[key.account] = Account(limits, steady())
            self._turns[key.account] = asyncio.Lock()
            self._hurry.set()
        account.limits = limits
        return account

    async def enter(self, caller: Caller, account: Account) -> bool:
        """Open a stream of a caller's account; False if it has too many. `leave` it in any case."""
        account.streams += 1
        if account.has_slot(steady()):
            return True
        self._hurry.set()
        try:
            async with asyncio.timeout(SLOT_SECONDS), self._answered:
                await self._answered.wait_for(lambda: account.has_slot(steady()))
        except TimeoutError:
            self._hit(caller, "streams")
            return False
        return True

    def leave(self, account: Account) -> None:
        """Close a stream of an account."""
        account.streams -= 1
        account.idle_since = steady()

    async def paced(
        self, caller: Caller, account: Account, messages: AsyncIterator[M]
    ) -> AsyncIterator[M]:
        """Yield a stream's messages no faster than its key allows: those of one key take turns."""
        turn = self._turns[caller.key.account] if caller.key is not None else asyncio.Lock()
        async for message in messages:
            if turn.locked() or account.wait_seconds(steady()) > 0:
                async with turn:
                    if account.wait_seconds(steady()) > 0:
                        self._hit(caller, account.short_of(steady()))
                    await _wait(account)
            account.let_in(size_bytes(message))
            yield message

    async def run(self) -> None:
        """Renew the shares until cancelled."""
        while True:
            self._hurry.clear()
            self._forget()
            if self._accounts:
                await self._ask()
            async with self._answered:
                self._answered.notify_all()
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    await self._hurry.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(0.02)  # many that hurry ask once

    def _hit(self, caller: Caller, limit: str) -> None:
        if len(self._hits) < HITS or (caller.owner, limit) in self._hits:
            self._hits[caller.owner, limit] += 1
            self._shown.labels(caller.owner, limit).inc()

    async def _ask(self) -> None:
        asked_at = steady()
        request = journal_pb2.ShareLimitsRequest(gateway=self._name)
        for name, account in self._accounts.items():
            demand, held = account.ask(asked_at)
            request.demands.add(
                account=name,
                limits=_message(account.limits),
                demand=_message(demand),
                held=_message(held),
            )
        try:
            answer = await self._persister.journal.ShareLimits(request, timeout=TRY_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                self._go_alone(asked_at)
            return  # what was lent is good for a while
        self._alone = False
        until = asked_at + answer.seconds
        for share in answer.shares:
            found = self._accounts.get(share.account)
            if found is not None:
                found.lend(_amounts(share.share), until, steady())

    def _go_alone(self, now: float) -> None:
        """Grant the whole limits: a persister of release 0.2.0 lends none."""
        if not self._alone:
            log.warning(
                "limits hold for each gateway by itself",
                remedy="the persister is of a release that shares none: renew it before gateways",
            )
        self._alone = True
        for account in self._accounts.values():
            account.lend(account.limits, float("inf"), now)

    def _forget(self) -> None:
        now = steady()
        for name, account in list(self._accounts.items()):
            if not account.streams and now - account.idle_since > FORGET_SECONDS:
                del self._accounts[name], self._turns[name]


async def _wait(account: Account) -> None:
    seconds = account.wait_seconds(steady())
    while seconds > 0:
        await asyncio.sleep(seconds)
        seconds = account.wait_seconds(steady())


def _message(amounts: Amounts) -> journal_pb2.Amounts:
    return journal_pb2.Amounts(
        articles=amounts.articles,
        bytes=amounts.bytes,
        extractor_seconds=amounts.extractor_seconds,
        streams=amounts.streams,
    )


def _amounts(message: journal_pb2.Amounts) -> Amounts:
    return Amounts(message.articles, message.bytes, message.extractor_seconds, message.streams)
