"""What one publication mentions more per article than all others together."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_dashboard.views.distinctive import distinctive
from newstally_protos.v1.tally_pb2 import EntityTally, RankEntitiesResponse


def answer(articles: int, token: str = "", /, **tallies: tuple[int, int]) -> RankEntitiesResponse:
    """Mentions and articles by text."""
    return RankEntitiesResponse(
        articles=articles,
        next_page_token=token,
        entity_tallies=[
            EntityTally(text=text, label="ORG", mentions=mentions, articles=seen)
            for text, (mentions, seen) in tallies.items()
        ],
    )


def test_what_only_one_mentions_comes_before_what_all_do() -> None:
    """Per article, so that who has more articles mentions nothing more for that."""
    here = answer(100, own=(80, 40), common=(50, 50))
    everywhere = answer(1_100, common=(550, 550), own=(80, 40))
    (found,) = distinctive(here, everywhere)
    assert found.tally.text == "own"
    assert found.others_mentions == 0
    assert found.at_least > 10


def test_of_what_is_not_listed_the_most_is_taken() -> None:
    """Nothing is claimed that may not be so: elsewhere it may be just below the last one."""
    here = answer(100, own=(80, 40))
    unknown = answer(1_100, "more", other=(900, 900))
    assert distinctive(here, unknown) == []
    nearly_all = answer(1_100, "more", other=(90, 90))
    (found,) = distinctive(here, nearly_all)
    assert found.others_mentions is None
    assert found.at_least < distinctive(here, answer(1_100, other=(90, 90)))[0].at_least


def test_who_is_alone_has_nobody_to_be_compared_with() -> None:
    """Neither has who has no articles."""
    here = answer(10, own=(5, 5))
    assert distinctive(here, here) == []
    assert distinctive(answer(0), here) == []


@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.tuples(st.integers(1, 50), st.integers(1, 50)),
    ),
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.tuples(st.integers(1, 500), st.integers(1, 500)),
    ),
    st.booleans(),
)
def test_any_two_answers_can_be_compared(
    one: dict[str, tuple[int, int]], other: dict[str, tuple[int, int]], more: bool
) -> None:
    """Also of different moments, in which a part is larger than the whole."""
    here = answer(60, **{text: (max(pair), min(pair)) for text, pair in one.items()})
    everywhere = answer(
        600, "more" * more, **{text: (max(pair), min(pair)) for text, pair in other.items()}
    )
    found = distinctive(here, everywhere)
    bounds = [each.at_least for each in found]
    assert bounds == sorted(bounds, reverse=True)
    assert all(bound > 1 for bound in bounds)
