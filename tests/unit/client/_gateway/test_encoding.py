"""Messages made of articles."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally import Article
from newstally._gateway.encoding import Message, to_request
from newstally.settings import LARGEST_MESSAGE_BYTES
from newstally.values import MALFORMED, present
from newstally_gateway.clients.decoding import lenient
from newstally_gateway.core.clients.intake import Malformed
from newstally_protos.limits import (
    CONTENT_LIMIT_BYTES,
    MESSAGE_LIMIT_BYTES,
    PUBLICATION_LIMIT_BYTES,
)
from newstally_protos.v1 import article_pb2, gateway_pb2


def article_of(message: Message) -> article_pb2.Article:
    """Return the article as the gateway reads it."""
    assert isinstance(message, gateway_pb2.StreamArticlesRequest)
    return message.article


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=50)  # surrogates too
LONG = st.builds(lambda unit, times: unit * times, ANY_TEXT, st.integers(0, 60_000))


@settings(deadline=None)  # the machine may be busy
@given(st.builds(Article, ANY_TEXT, LONG, ANY_TEXT) | st.builds(Article, LONG, ANY_TEXT, LONG))
def test_every_article_has_a_message_that_fits(article: Article) -> None:
    """No text is too long or too odd to be sent."""
    request = to_request("job", 7, article)
    assert isinstance(request, gateway_pb2.StreamArticlesRequest)
    assert (request.upload_id, request.offset) == ("job", 7)
    assert len(request.SerializeToString()) < LARGEST_MESSAGE_BYTES < MESSAGE_LIMIT_BYTES


@settings(deadline=None)  # the machine may be busy
@given(st.builds(Article, st.text(max_size=50), st.text(max_size=2000), st.text(max_size=50)))
def test_what_can_be_sent_is_sent_unchanged(article: Article) -> None:
    """Articles within the limits arrive as they are, what is missing to pandas as nothing."""
    sent = article_of(to_request("job", 0, article))
    assert (sent.publication, sent.content, sent.article_id) == tuple(
        map(present, (article.publication, article.content, article.article_id))
    )


@settings(deadline=None)  # the machine may be busy
@given(st.text(min_size=1, max_size=5), st.integers(0, 4))
def test_what_is_cut_stays_too_long(unit: str, more: int) -> None:
    """Content that was cut is above the highest limit a gateway can have: never counted."""
    size = CONTENT_LIMIT_BYTES // len(unit.encode()) + 1 + more
    sent = article_of(to_request("job", 0, Article("P", unit * size)))
    assert CONTENT_LIMIT_BYTES < len(sent.content.encode()) <= CONTENT_LIMIT_BYTES + 5


@given(
    st.datetimes(timezones=st.none() | st.timezones()),
)
def test_the_time_of_publication_is_sent(time: datetime) -> None:
    """To the microsecond; without a zone it is UTC; at the ends of time there is none."""
    sent = article_of(to_request("job", 0, Article("P", "x", publish_time=time)))
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    try:
        expected = aware.astimezone(UTC)
    except OverflowError:
        assert not sent.HasField("publish_time")
        return
    assert sent.publish_time.ToDatetime(UTC) == expected


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (date(2017, 1, 1), True),
        ("2017-01-01", True),
        (datetime(2017, 1, 1, tzinfo=UTC), True),
        (None, False),
        (float("nan"), False),
        ("", False),
        ("03/04/2017", False),
        (1483228800, False),
    ],
)
def test_a_mapping_may_have_a_time_in_any_form(value: object, sent: bool) -> None:
    """An article whose time cannot be read is an article all the same."""
    row = {"publication": "P", "content": "x", "publish_time": value}
    article = article_of(to_request("job", 0, row))
    assert article.content == "x"
    assert article.HasField("publish_time") == sent
    assert article.publish_time.seconds == (1483228800 if sent else 0)


def test_white_space_around_a_publication_does_not_make_it_too_long() -> None:
    """The limit of publications holds after trimming; inner white space counts."""
    trimmed = article_of(to_request("j", 0, Article(" " * 5000 + "P" + " " * 5000, "text")))
    assert trimmed.publication == "P"
    inner = article_of(to_request("j", 0, Article("a" + " " * 5000 + "b", "text")))
    assert len(inner.publication.strip().encode()) > PUBLICATION_LIMIT_BYTES


def test_surrogates_are_paired_or_replaced() -> None:
    """Two halves become their character; a lone half becomes U+FFFD."""
    sent = article_of(to_request("j", 0, Article("\ud83d\ude00", "a\ud83db")))
    assert (sent.publication, sent.content) == ("\U0001f600", "a\ufffdb")


def test_a_malformed_record_is_malformed_for_the_gateway_too() -> None:
    """It keeps its offset. An article that is only empty is another thing."""
    read = lenient(gateway_pb2.StreamArticlesRequest)
    sent = to_request("job", 7, MALFORMED).SerializeToString()
    assert read(sent) == Malformed("job", 7, "", len(sent))
    assert article_of(to_request("job", 7, Article("", ""))) == article_pb2.Article()
