"""What the pipeline reads of a content."""

from collections.abc import Callable

from newstally_extractor.html.detecting import is_html

RULES = 1
"""The version of the rules. It changes whenever what is read of a content may."""


def make_reader(html: str) -> tuple[Callable[[str], str], str]:
    """Return what makes text of a content, and its version.

    "auto" reduces what is HTML beyond doubt, "strip" whatever comes, "keep" nothing.
    """
    if html == "keep":
        return _kept, "html-keep"
    return (_stripped if html == "strip" else _stripped_if_html), f"html-{html}-{RULES}"


def _kept(content: str) -> str:
    return content


def _stripped(content: str) -> str:
    # Most extractors never see HTML, and need no parser.
    from newstally_extractor.html.reading import TooDeepError, to_text  # noqa: PLC0415

    try:
        return to_text(content)
    except TooDeepError:
        return content


def _stripped_if_html(content: str) -> str:
    return _stripped(content) if is_html(content) else content
