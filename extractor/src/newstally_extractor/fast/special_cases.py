"""Where a tokenizer's special cases could reach over the white space between two chunks.

After a text has been cut, spaCy looks in all of its tokens for those special cases that contain
affixes (`:)` is a colon and a bracket) and rewrites what is spelled exactly like one. It looks past
single spaces: in `: )` it finds a colon and a bracket too, rewrites nothing, but passes over any
other case that overlaps with them. Only then does a chunk's reading depend on its neighbours.
"""

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
        patterns = [[token.orth for token in plain(case)] for case in cases]
        self._openers = _hashes(orth for pattern in patterns for orth in pattern[:-1])
        self._followers = _hashes(orth for pattern in patterns for orth in pattern[1:])

    def may_go_on_after(self, orths: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Say which words are in a case with something after them."""
        return np.isin(orths, self._openers)

    def may_come_from_before(self, orths: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Say which words are in a case with something before them."""
        return np.isin(orths, self._followers)

    def touches(self, chunk: str) -> bool:
        """Say whether a chunk may have something in it that a case rewrites."""
        return any(case in chunk for case in self._cases)


def _is_looked_for(tokenizer: Tokenizer, case: str) -> bool:
    """As `Tokenizer.add_special_case` decides."""
    return bool(
        not tokenizer.faster_heuristics
        or tokenizer.find_prefix(case)
        or tokenizer.find_infix(case)
        or tokenizer.find_suffix(case)
        or " " in case
    )


def _hashes(orths: object) -> npt.NDArray[np.uint64]:
    return np.array(sorted(set(orths)), dtype=np.uint64)  # type: ignore[call-overload]
