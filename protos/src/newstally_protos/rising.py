"""What rises: mentions per article in one period against another. Pure.

**The measure** is the lower bound, with 95 % certainty, of how many times as many mentions per
article there are as before. It has a meaning ("at least 2.4 times as often"), it needs no figure
that somebody would have to choose, and it weighs effect against evidence by itself:

- A mere ratio puts first what was mentioned once and never before. A difference, or a test of
  significance (log-likelihood, chi-square), puts first what is frequent and rose a little.
- What is new has a finite value, which grows with the articles that show it.

**How it is computed.** Given that an entity was observed x times in the period and y times in the
base, with N and B articles counted in them, and equal rates of one article, x is binomial with
x + y trials and p = N / (N + B). Wilson's lower bound of p, with the correction for continuity
(Newcombe 1998), gives the lower bound of the ratio p / (1 - p) x B / N: what an exact bound gives,
without the quantiles of a beta distribution. Rates are per article, so that a period with more
articles raises nothing.

**An observation is an article, not a mention.** Mentions come in clumps: one portrait of a mayor
has forty. So mentions are counted in units of the entity's own mentions per mentioning article, in
both periods together: x + y is then the number of articles that mention it, and x / y still the
ratio of its mentions. And the articles that mention it must have risen as well: the lower of both
bounds counts, because a single text can bring any number of mentions.

**The floor against noise**: so many articles of the period must mention it (3 where nobody asks for
another number), and the bound must be above 1. Of entities that did not rise about one in
twenty passes the bound; among thousands that are some, and they come last.
"""

from math import sqrt
from typing import NamedTuple

MIN_ARTICLES = 3
"""The floor where nobody asks for another one."""
_Z = 1.6448536269514722
"""What a standard normal variable exceeds with a probability of 5 %."""
_SMOOTHING = 0.5
"""Observations that are added to both periods for the estimate, after Haldane and Anscombe."""


class Change(NamedTuple):
    """How often one entity was mentioned in a period, and in its base."""

    mentions: int
    articles: int
    """At most `mentions`; 0 only with no mentions. Likewise below."""
    base_mentions: int
    base_articles: int


class Rise(NamedTuple):
    """By how much one entity rose."""

    times: float
    """How many times as many mentions per article, estimated; finite also for what is new."""
    at_least: float
    """Its lower bound, 0 or more. Above 1 it rose."""


def rise(change: Change, articles: int, base_articles: int) -> Rise:
    """Compare two periods with so many articles, both above 0; the entity has some mention."""
    clump = (change.mentions + change.base_mentions) / (change.articles + change.base_articles)
    observed, before = change.mentions / clump, change.base_mentions / clump
    exposure = base_articles / articles
    times = (observed + _SMOOTHING) / (before + _SMOOTHING) * exposure
    share = min(
        _lower(observed, observed + before),
        _lower(change.articles, change.articles + change.base_articles),
    )
    return Rise(times, min(times, share / (1 - share) * exposure))


def most(mentions: int, articles: int, base_articles: int) -> float:
    """Return the largest `at_least` that an entity with at most so many mentions can have."""
    return rise(Change(mentions, mentions, 0, 0), articles, base_articles).at_least


def _lower(observed: float, trials: float) -> float:
    """Return Wilson's lower bound of a share, corrected for continuity: 0 <= it < 1."""
    if observed <= 0:
        return 0.0
    share = observed / trials
    z2 = _Z * _Z
    root = sqrt(max(0.0, z2 - 2 - 1 / trials + 4 * share * (trials * (1 - share) + 1)))
    return max(0.0, (2 * observed + z2 - 1 - _Z * root) / (2 * (trials + z2)))
