"""Where a tokenizer's special cases could reach over the white space between two chunks.

After a text has been cut, spaCy looks in all of its tokens for those special cases that contain
affixes (`:)` is a colon and a bracket) and rewrites what is spelled exactly like one. It looks past
single spaces: in `: )` it finds a colon and a bracket too, rewrites nothing, but passes over any
other case that overlaps with them. Only then does a chunk's reading depend on its neighbours.
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
from spacy.tokenizer import Tokenizer


class SpecialCases:
    """The special cases that are looked for in tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        cases = [case for case in tokenizer.rules if _is_looked_for(tokenizer, case)]
        self._cases = tuple(cases)
        self.whole = any(len(case) > 1 and any(map(str.isspace, case)) for case in cases)
        """True: a case has white space inside, so only whole texts can be read."""
        plain = Tokenizer(
            tokenizer.vocab,
            prefix_search=tokenizer.prefix_search,
            suffix_search=tokenizer.suffix_search,
            infix_finditer=tokenizer.infix_finditer,
            token_match=tokenizer.token_match,
            url_match=tokenizer.url_match,
        )
        pairs: set[tuple[int, int]] = set()
        self._last: dict[int, set[int]] = defaultdict(set)
        self._first: dict[int, set[int]] = defaultdict(set)
        for case in cases:
            pattern = [token.orth for token in plain(case)]
            written = [token.orth for token in tokenizer(case)]
            pairs.update(pairwise(pattern))
            # A word at the edge of a chunk may be what a case has been rewritten to.
            self._last[written[-1]].add(pattern[-1])
            self._first[written[0]].add(pattern[0])
        openers, followers = {one for one, _ in pairs}, {other for _, other in pairs}
        self._pairs = pairs
        self._openers = _hashes(openers, self._last)
        self._followers = _hashes(followers, self._first)

    def may_go_on_after(self, orths: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Say which words are in a case with something after them."""
        return np.isin(orths, self._openers)

    def may_come_from_before(self, orths: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Say which words are in a case with something before them."""
        return np.isin(orths, self._followers)

    def reach_over(self, last: int, first: int) -> bool:
        """Say whether a case may begin in one chunk, with its last word, and go on in the next."""
        lasts = {last} | self._last.get(last, set())
        firsts = {first} | self._first.get(first, set())
        return any(pair in self._pairs for pair in product(lasts, firsts))

    def touch(self, chunk: str) -> bool:
        """Say whether a chunk may have something in it that a case rewrites."""
        body = chunk.removesuffix(" ")
        return any(case in body for case in self._cases)


def _is_looked_for(tokenizer: Tokenizer, case: str) -> bool:
    """As `Tokenizer.add_special_case` decides."""
    return bool(
        not tokenizer.faster_heuristics
        or tokenizer.find_prefix(case)
        or tokenizer.find_infix(case)
        or tokenizer.find_suffix(case)
        or " " in case
    )


def _hashes(words: set[int], rewritten: Mapping[int, set[int]]) -> npt.NDArray[np.uint64]:
    """Return words, and whatever may have been one of them before it was rewritten."""
    found = words | {word for word, before in rewritten.items() if before & words}
    return np.array(sorted(found), dtype=np.uint64)
