"""What a dry run foresees is what the gateway decides."""

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from newstally import Article, RefusalReason
from newstally._gateway.encoding import to_request
from newstally.cli.uploading.rejecting.foreseeing import foreseen
from newstally.values import MALFORMED
from newstally_gateway.core.validation import Flaw, validate
from newstally_protos.limits import CONTENT_LIMIT_BYTES, PUBLICATION_LIMIT_BYTES
from newstally_protos.v1 import article_pb2
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest

ANY = st.text(st.characters(), max_size=30)  # with halves of pairs
BLANK = st.text(" \t\n\u00a0\u200b\u2800\ufeff\x1f", max_size=5)
LONG = st.builds(lambda text, times: text * times, ANY, st.sampled_from([1, 9, 40, 300]))
ODD = st.sampled_from(["a\x1bb", "\u202ea", "\ud83d\ude00", "x" * (PUBLICATION_LIMIT_BYTES + 1)])
TEXTS = st.one_of(ANY, BLANK, LONG, ODD)
TIMES = st.none() | st.datetimes()


def decided(article: Article) -> RefusalReason | None:
    """Ask the gateway's own rules."""
    request = to_request("job", 0, article)
    assert isinstance(request, StreamArticlesRequest)
    verdict = validate(
        article_pb2.Article.FromString(request.article.SerializeToString()), CONTENT_LIMIT_BYTES
    )
    if not isinstance(verdict, Flaw):
        return None
    name = article_pb2.RefusalReason.Name(verdict.reason)
    return RefusalReason(name.removeprefix("REFUSAL_REASON_"))


@given(publication=TEXTS, content=TEXTS, article_id=TEXTS, time=TIMES)
@example("P", "x" * (CONTENT_LIMIT_BYTES + 1), "", None)
@example("P", " " * CONTENT_LIMIT_BYTES, "", None)
@example("P", "\ud800" * (CONTENT_LIMIT_BYTES // 3 + 1), "", None)
def test_it_is_what_the_gateway_decides(
    publication: str, content: str, article_id: str, time: datetime | None
) -> None:
    """For every article, also such as UTF-8 cannot write."""
    article = Article(publication, content, article_id, time)
    assert foreseen(article) == decided(article)


def test_what_is_malformed_is_foreseen() -> None:
    """It is sent as bytes that are no article."""
    assert foreseen(MALFORMED) is RefusalReason.MALFORMED


@pytest.mark.parametrize(
    ("article", "reason"),
    [
        (Article("", "x"), RefusalReason.PUBLICATION_EMPTY),
        (Article("\u200b", "x"), RefusalReason.PUBLICATION_EMPTY),
        (Article("P" * 513, "x"), RefusalReason.PUBLICATION_TOO_LONG),
        (Article("P\x1b", "x"), RefusalReason.MALFORMED),
        (Article("P", "\n \t"), RefusalReason.CONTENT_EMPTY),
        (Article("P", "é" * 500_001), RefusalReason.CONTENT_TOO_LONG),
        (Article("P", "x", "1" * 257), RefusalReason.ARTICLE_ID_TOO_LONG),
        (Article("P", "x", "1" * 256), None),
    ],
)
def test_each_reason_is_foreseen(article: Article, reason: RefusalReason | None) -> None:
    """One of each that needs no extraction."""
    assert (foreseen(article), decided(article)) == (reason, reason)
