"""What a text is going to cost. Pure."""

_CHEAP = bytes(
    byte for byte in range(256) if chr(byte).isspace() or chr(byte).isalnum() or byte >= 0x80
)
"""What words are made of, roughly: of characters beyond ASCII each byte."""
SIGN_COST = 4
"""What a sign that is a token of its own costs more than a letter, of which five make a token."""


def estimate_cost(length: int, data: bytes) -> int:
    """Return the cost, in characters of prose, of a text of that length with this UTF-8.

    It is at least the length, at most five times that. Prose has a sign among 25 characters or so:
    that many are what its length stands for.
    """
    signs = len(data.translate(None, _CHEAP))
    return max(length, length * 4 // 5 + SIGN_COST * signs)
