"""What an article's entities are."""

from newstally_extractor.counting.entities import (
    count_mentions,
    largest_content_bytes,
)
from newstally_protos.limits import result_limit_bytes


def test_each_key_is_counted_once_with_its_mentions() -> None:
    """Spellings of one entity add up; the same text with another label is another entity."""
    mentions = [("Paris", "GPE"), ("PARIS ", "GPE"), ("Paris", "PERSON")]
    assert count_mentions(mentions, frozenset()) == {("paris", "GPE"): 2, ("paris", "PERSON"): 1}


def test_excluded_labels_and_empty_texts_are_no_entities() -> None:
    """Excluded labels, missing labels, and texts of which nothing is left are not counted."""
    mentions = [("three", "CARDINAL"), ("--", "ORG"), ("x", ""), ("Paris", "GPE")]
    assert count_mentions(mentions, {"CARDINAL"}) == {("paris", "GPE"): 1}


def test_largest_content_is_the_largest_whose_result_fits() -> None:
    """The bound on content and the bound on results are two sides of one limit."""
    limit = 4_000_000
    assert limit - 2_048 < result_limit_bytes(largest_content_bytes(limit)) < limit
