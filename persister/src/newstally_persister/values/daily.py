"""What an owner may have so much of a day, in UTC. Pure."""

CLOCK_DAYS = 1
"""A clock that is set back goes on with the day that it has seen, unless it was further ahead."""


def so_far(row: tuple[int, int] | None, today: int) -> tuple[int, int]:
    """Return the day that is counted for, and what it has had; `row`: what was noted last.

    A day far ahead is of a clock that went wrong: to wait for it could take years.
    """
    if row is None or not today <= row[0] <= today + CLOCK_DAYS:
        return today, 0
    return row
