"""How much of a key's limits each gateway may grant.

A gateway is lent a share for LEASE_SECONDS from the answer on. It takes the share for good no
longer than that from when it asked, which is earlier; so no clock is compared with another one. A
share is never more than the limit less what others were lent, so that all together are never more.

    wanted by all more than there is:  everybody the same, or what they want if that is less
    less than there is:                everybody what they want, and the rest in equal parts

A new process does not know what was lent before: for LEASE_SECONDS it confirms what gateways hold,
and lends no more.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

LEASE_SECONDS = 3.0
"""How long a share is good that is not renewed."""
GATEWAYS_LIMIT = 64
"""Gateways that are lent something of one limit."""
ACCOUNTS_LIMIT = 10_000
"""Limits that are shared at once."""


@dataclass(frozen=True, slots=True)
class _Lease:
    share: float
    """What the gateway may have, whether or not it hears of it."""
    demand: float
    until: float


class Lender:
    """Shares limits, each known by a name, among gateways."""

    def __init__(self, now: float) -> None:
        """Begin a process."""
        self._knows_all_at = now + LEASE_SECONDS
        self._leases: dict[Hashable, dict[str, _Lease]] = {}

    def lend(
        self,
        name: Hashable,
        gateway: str,
        limit: float,
        demand: float,
        held: float,
        now: float,
        *,
        whole: bool,
    ) -> float:
        """Return the gateway's share from now on.

        `whole`: of things that cannot be divided, first come first served, and nothing more than
        wanted.
        """
        if name not in self._leases and len(self._leases) >= ACCOUNTS_LIMIT:
            self._forget(now)
            if len(self._leases) >= ACCOUNTS_LIMIT:
                return 0.0
        leases = {
            other: lease for other, lease in self._leases.get(name, {}).items() if lease.until > now
        }
        self._leases[name] = leases
        if gateway not in leases and len(leases) >= GATEWAYS_LIMIT:
            return 0.0
        lent = sum(lease.share for other, lease in leases.items() if other != gateway)
        free = max(0.0, limit - lent)
        demands = {other: lease.demand for other, lease in leases.items()} | {gateway: demand}
        share = min(free, demand if whole else _fair(limit, demands)[gateway])
        if now < self._knows_all_at:
            share = min(share, max(0.0, held))
        # The answer may get lost, and then the gateway goes on with what it holds.
        leases[gateway] = _Lease(max(share, min(held, limit)), demand, now + LEASE_SECONDS)
        return share

    def _forget(self, now: float) -> None:
        for name, leases in list(self._leases.items()):
            if all(lease.until <= now for lease in leases.values()):
                del self._leases[name]


def _fair(limit: float, demands: Mapping[str, float]) -> Mapping[str, float]:
    """Divide a limit by what is wanted of it."""
    left, shares = limit, {}
    waiting = sorted(demands.items(), key=lambda item: item[1])
    for number, (gateway, demand) in enumerate(waiting):
        shares[gateway] = min(demand, left / (len(waiting) - number))
        left -= shares[gateway]
    return {gateway: share + left / len(shares) for gateway, share in shares.items()}
