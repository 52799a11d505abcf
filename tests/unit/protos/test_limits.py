"""The limits of the protocol, and cutting a text to one."""

import re

from hypothesis import given
from hypothesis import strategies as st
from newstally_protos import limits
from newstally_protos.limits import CONTENT_LIMIT_BYTES, SEND_LIMIT_BYTES, cut, result_limit_bytes
from support.processes import REPOSITORY


@given(st.text(), st.integers(0, 20))
def test_a_text_is_cut_between_characters(text: str, limit: int) -> None:
    """As many whole characters as fit: one more would be over the limit."""
    short = cut(text, limit)
    assert text.startswith(short)
    assert len(short.encode()) <= limit
    assert short == text or len(text[: len(short) + 1].encode()) > limit


def test_one_article_and_its_result_always_fit_into_a_message() -> None:
    """Content and entities of the largest article, with room for what is around them."""
    largest = CONTENT_LIMIT_BYTES + result_limit_bytes(CONTENT_LIMIT_BYTES)
    assert largest < SEND_LIMIT_BYTES < limits.MESSAGE_LIMIT_BYTES


def test_the_protos_tell_users_the_same_numbers() -> None:
    """Comments in the .proto files are what users read."""
    folder = REPOSITORY / "protos" / "newstally" / "v1"
    words = {
        path.name: re.sub(r"\s*//\s*|\s+", " ", path.read_text()) for path in folder.glob("*.proto")
    }
    assert f"1 to {limits.PUBLICATION_LIMIT_BYTES:,} bytes" in words["article.proto"]
    assert f"at most {CONTENT_LIMIT_BYTES:,} bytes of UTF-8" in words["article.proto"]
    assert f"at most {limits.ARTICLE_ID_LIMIT_BYTES} bytes. Opaque" in words["article.proto"]
    assert f"for people: at most {limits.REASON_LIMIT_BYTES} bytes" in words["article.proto"]
    assert f"for people: at most {limits.REASON_LIMIT_BYTES} bytes" in words["extractor.proto"]
    assert f"over {limits.PAGE_LIMIT_ITEMS:,} means" in words["tally.proto"]
    assert f"At most {limits.SIGHTINGS_LIMIT:,};" in words["persister.proto"]
    assert "twice the bytes of the content plus 8 KiB" in words["extractor.proto"]
    assert result_limit_bytes(1_000) == 2 * 1_000 + 8 * 1024
