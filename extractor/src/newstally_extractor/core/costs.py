"""What a text is going to cost. Pure."""

_CHEAP = bytes(
    byte for byte in range(256) if chr(byte).isspace() or chr(byte).isalnum() or byte >= 0x80
)
"""What words are made of, roughly: of characters beyond ASCII each byte."""
SIGN_COST = 4
"""What a sign that is a token of its own costs more than a letter, of which five make a token."""


def estimate_cost(text: str) -> int:
    """Return a text's cost in characters of prose: at least its length, at most five times that.

    Prose has a sign among 25 characters or so: that many are what its length stands for.
    """
    return estimate_cost_encoded(len(text), text.encode())


def estimate_cost_encoded(length: int, data: bytes) -> int:
    """Return the same for a text of that length and its UTF-8."""
    signs = len(data.translate(None, _CHEAP))
    return max(length, length * 4 // 5 + SIGN_COST * signs)
