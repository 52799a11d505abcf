"""Reads what an address says. Pure."""

from collections.abc import Sequence

from starlette.datastructures import QueryParams

LONGEST_QUERY = 200
"""Characters of what is looked for."""
LAST_PAGE = 1_000_000


class AddressError(Exception):
    """An address that asks for something impossible; the message says what would be right."""


def page_of(params: QueryParams) -> int:
    """Return the number of the page, from 1."""
    text = params.get("page", "") or "1"
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= LAST_PAGE:
        raise AddressError("page: write a number from 1 on")
    return int(text[:9])


def choice_of(params: QueryParams, name: str, choices: Sequence[str]) -> str:
    """Return one of some choices, the first where nothing is said."""
    text = params.get(name, "") or choices[0]
    if text not in choices:
        raise AddressError(f"{name}: write one of {', '.join(choices)}")
    return text


def required(params: QueryParams, name: str) -> str:
    """Return what must be said."""
    text = params.get(name, "").strip()
    if not text:
        raise AddressError(f"{name}: the address does not say which")
    return text


def query_of(params: QueryParams) -> str:
    """Return what is looked for, cut to a length that names have."""
    return " ".join(params.get("q", "").split())[:LONGEST_QUERY]
