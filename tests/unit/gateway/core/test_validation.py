import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from newstally_gateway.core.validation import Accepted, Flaw, validate
from newstally_protos.v1.article_pb2 import Article, RefusalReason

LIMIT = 1000


def test_a_good_article_is_accepted_with_its_size() -> None:
    """The size is that of the UTF-8, and the publication is trimmed."""
    article = Article(publication="  Le Monde ", content="été", article_id="7")
    assert validate(article, LIMIT) == Accepted("Le Monde", "7", "été", 5)


def test_limits_are_inclusive() -> None:
    """What is exactly as long as allowed is allowed."""
    article = Article(publication="p" * 512, content="c" * LIMIT, article_id="i" * 256)
    assert isinstance(validate(article, LIMIT), Accepted)


def test_trimming_comes_before_the_limit() -> None:
    """White space around a publication is not counted."""
    article = Article(publication=" " * 5000 + "p", content="c")
    assert isinstance(validate(article, LIMIT), Accepted)


@pytest.mark.parametrize(
    ("article", "reason"),
    [
        (None, "ARTICLE_MISSING"),
        (Article(content="c"), "PUBLICATION_EMPTY"),
        (Article(publication=" \n", content="c"), "PUBLICATION_EMPTY"),
        (Article(publication="\u200b", content="c"), "PUBLICATION_EMPTY"),
        (Article(publication="a\x1b[31mb", content="c"), "MALFORMED"),
        (Article(publication="a\nb", content="c"), "MALFORMED"),
        (Article(publication="a\x00b", content="c"), "MALFORMED"),
        (Article(publication="a\u202eb", content="c"), "MALFORMED"),
        (Article(publication="a\u2028b", content="c"), "MALFORMED"),
        (Article(publication="é" * 257, content="c"), "PUBLICATION_TOO_LONG"),
        (Article(publication="p", content="c", article_id="é" * 129), "ARTICLE_ID_TOO_LONG"),
        (Article(publication="p"), "CONTENT_EMPTY"),
        (Article(publication="p", content=" \t\n\u2003"), "CONTENT_EMPTY"),
        (Article(publication="p", content="é" * 501), "CONTENT_TOO_LONG"),
        (
            Article(publication="p", content="c", publish_time=Timestamp(seconds=253_402_300_800)),
            "PUBLISH_TIME_INVALID",
        ),
    ],
)
def test_a_flaw_is_named(article: Article | None, reason: str) -> None:
    """Each promise about an article has its own reason."""
    flaw = validate(article, LIMIT)
    assert isinstance(flaw, Flaw)
    assert RefusalReason.Name(flaw.reason) == f"REFUSAL_REASON_{reason}"
    assert 0 < len(flaw.message.encode()) <= 256


@pytest.mark.parametrize(
    ("time", "day"),
    [(None, None), (Timestamp(), 0), (Timestamp(seconds=-1), -1), (Timestamp(seconds=86_400), 1)],
)
def test_an_article_has_a_day_if_it_has_a_time(time: Timestamp | None, day: int | None) -> None:
    """A time of zero is one."""
    accepted = validate(Article(publication="p", content="c", publish_time=time), LIMIT)
    assert isinstance(accepted, Accepted)
    assert accepted.day == day
