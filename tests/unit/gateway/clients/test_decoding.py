"""Reading what clients send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.clients.decoding import lenient
from newstally_gateway.core.clients.intake import Malformed, Unreadable, size_bytes
from newstally_protos.v1.article_pb2 import Article
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest, UploadArticlesRequest

KINDS = [StreamArticlesRequest, UploadArticlesRequest]
Kind = type[StreamArticlesRequest] | type[UploadArticlesRequest]


def request(kind: Kind, **fields: str) -> StreamArticlesRequest | UploadArticlesRequest:
    """A message for offset 7 of "job"."""
    article = Article(publication="P", content="c", article_id="id")
    for field, value in fields.items():
        setattr(article, field, value)
    return kind(upload_id="job", offset=7, article=article)


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_message_is_read(kind: Kind) -> None:
    """As the generated code would."""
    good = request(kind)
    assert lenient(kind)(good.SerializeToString()) == good


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["publication", "content", "article_id"])
def test_a_string_that_is_not_utf8_leaves_the_messages_place(kind: Kind, name: str) -> None:
    """The article is lost, but not where it belongs, nor what its sender calls it."""
    data = request(kind, **{name: "iQQd"}).SerializeToString().replace(b"QQ", b"\xff\xfe")
    article_id = "i\ufffd\ufffdd" if name == "article_id" else "id"
    found = lenient(kind)(data)
    assert found == Malformed("job", 7, article_id, len(data))
    assert size_bytes(found) == len(data)


def test_bytes_that_are_no_article_are_one_without_a_name() -> None:
    """An absent offset stays absent: the message follows the one before."""
    data = b"\x1a\x02\xff\xff"
    assert lenient(StreamArticlesRequest)(data) == Malformed("", None, "", 4)


@pytest.mark.parametrize("data", [b"\x0a\x02\xff\xfe", b"\x0a\x7f", b"\xff"])
def test_a_message_without_a_readable_place_is_unreadable(data: bytes) -> None:
    """Broken framing, or an upload_id that is no text."""
    assert lenient(StreamArticlesRequest)(data) == Unreadable(len(data))


@given(st.binary(max_size=60))
def test_no_bytes_raise(data: bytes) -> None:
    """An exception here would end the stream."""
    assert size_bytes(lenient(StreamArticlesRequest)(data)) <= len(data)
