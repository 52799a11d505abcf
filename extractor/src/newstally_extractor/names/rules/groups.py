"""Sets of texts that name the same thing."""

from collections.abc import Collection


class Groups:
    """A partition of the numbers from 0 to `size` - 1, at first into single members."""

    def __init__(self, size: int) -> None:
        """Begin with every member alone."""
        self._parents = list(range(size))

    def of(self, member: int) -> int:
        """Return the member that stands for its group: the smallest."""
        parents = self._parents
        while parents[member] != member:
            parents[member] = member = parents[parents[member]]
        return member

    def join(self, one: int, other: int) -> None:
        """Make one group of two."""
        if one == other:
            return
        one, other = self.of(one), self.of(other)
        if one < other:
            self._parents[other] = one
        else:
            self._parents[one] = other

    def join_only(self, member: int, others: Collection[int]) -> bool:
        """Join a member to `others` if they are of a single group; say whether they are."""
        if not others or len({self.of(other) for other in others}) != 1:
            return False
        self.join(member, next(iter(others)))
        return True
