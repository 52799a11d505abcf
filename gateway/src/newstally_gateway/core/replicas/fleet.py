"""All links that are up, and which of them an article goes to.

An article goes to the link with the fewest outstanding bytes that has room for it. If none has:

- A short article holds up all turns until it fits somewhere.
- A long one is promised a place: of the links where only short articles are in its way, the one
  with the fewest outstanding bytes keeps room for it. Others may use what that leaves. The article
  goes there, or wherever there is room first.
- Where long ones are in its way on every link, its stream stalls. The others take their turns, and
  it goes on before them as soon as it can.

What room is, and what is long, says `LinkAccount`.
"""

from collections.abc import Hashable, Iterable, Iterator

from newstally_gateway.core.replicas.accounts import SILENCE_SECONDS, Entry, LinkAccount
from newstally_gateway.core.tasks import LinkKey


class Fleet:
    """The links, and what they keep room for."""

    def __init__(self) -> None:
        self._links: dict[LinkKey, LinkAccount] = {}
        self.usable: list[LinkAccount] = []
        """Those that take new work; what was sent something last stands last."""
        self.promises = 0
        """How many of them keep room for an article."""
        self._left: dict[Hashable, float] = {}

    def __iter__(self) -> Iterator[LinkAccount]:
        return iter(self._links.values())

    def add(self, account: LinkAccount) -> None:
        """Take in a link; ValueError if it is up."""
        if account.key in self._links:
            raise ValueError(f"link {account.key} is up already")
        self._links[account.key] = account
        self.usable.append(account)

    def get(self, link: LinkKey) -> LinkAccount | None:
        """Return a link's account; None if it is not up."""
        return self._links.get(link)

    def retire(self, account: LinkAccount) -> Entry | None:
        """Send nothing new on a link; return what it kept room for."""
        if account in self.usable:
            self.usable.remove(account)
        entry = account.promised
        if entry is not None:
            self.break_promise(entry)
        return entry

    def remove(self, account: LinkAccount, now: float) -> None:
        """Forget a retired link, but not its replica."""
        del self._links[account.key]
        self._left.pop(account.replica, None)
        self._left[account.replica] = now

    def replicas(self, since: float) -> int:
        """Return to how many replicas a link was up at any time since then; forget older ones."""
        self._left = {replica: when for replica, when in self._left.items() if when >= since}
        return len(self._left.keys() | {link.replica for link in self._links.values()})

    def sent(self, account: LinkAccount) -> None:
        """Let others be preferred to a link that was sent something, if they have as little.

        Otherwise several gateways would all prefer the same replicas.
        """
        if account in self.usable:
            self.usable.remove(account)
            self.usable.append(account)

    def promise(self, entry: Entry, account: LinkAccount) -> None:
        """Let a link keep room for an article that has none now."""
        account.promised = entry
        entry.promised_by = account
        self.promises += 1

    def break_promise(self, entry: Entry) -> None:
        """Let the link of an entry keep no more room for it; nothing if none does."""
        if entry.promised_by is not None:
            entry.promised_by.promised = None
            entry.promised_by = None
            self.promises -= 1


def emptiest_with_room(links: Iterable[LinkAccount], size: int, now: float) -> LinkAccount | None:
    """Return the first link with the fewest outstanding bytes among those with room for the size.

    One that is silent only if no other has room.
    """
    found: LinkAccount | None = None
    silent: list[LinkAccount] = []
    silent_since = now - SILENCE_SECONDS
    for link in links:
        if link.heard_at <= silent_since and link.outstanding_bytes:
            silent.append(link)
            continue
        emptier = found is None or link.outstanding_bytes < found.outstanding_bytes
        if emptier and link.has_room(size):
            found = link
            if not link.outstanding_bytes:
                break  # no other has less
    if found is None and silent:
        with_room = (link for link in silent if link.has_room(size))
        found = min(with_room, key=lambda link: link.outstanding_bytes, default=None)
    return found


def emptiest_to_promise(links: Iterable[LinkAccount], size: int) -> LinkAccount | None:
    """Return the link with the fewest outstanding bytes that can keep room for the size."""
    willing = (link for link in links if link.can_promise(size))
    return min(willing, key=lambda link: link.outstanding_bytes, default=None)
