"""Which records of an input were rejected, and why. Pure."""

from collections import Counter
from collections.abc import Sequence

from newstally_protos.limits import (
    ARTICLE_ID_LIMIT_BYTES,
    CONTENT_LIMIT_BYTES,
    PUBLICATION_LIMIT_BYTES,
)

from newstally.inputs import Record
from newstally.values import Article, Refusal, RefusalRange, RefusalReason


class Verdicts:
    """What the gateway keeps of an upload's refusals, beside what the reader knows itself.

    Of very many refusals the gateway keeps the first one by one, then ranges of offsets, and of
    very many ranges only where they begin and end. In those a record counts as refused only where
    no gateway could have counted it: what is rejected may be sent again, and must not count twice.
    """

    def __init__(
        self, refusals: Sequence[Refusal], ranges: Sequence[RefusalRange], settled: int
    ) -> None:
        """`settled` articles of the upload are settled."""
        self.listed = refusals
        """Those that the gateway lists, by offset."""
        self._by_offset = {refusal.offset: refusal for refusal in refusals}
        self._settled = settled
        self._ranges = sorted(ranges, key=lambda found: found.first_offset, reverse=True)
        self.rewind()
        self.by_reason: Counter[RefusalReason] = Counter(refusal.reason for refusal in refusals)
        """How many were refused for each reason, as far as the gateway says."""
        for found in ranges:
            self.by_reason[found.reason] += found.articles

    def rewind(self) -> None:
        """Begin again with the first record."""
        self._coming = [*self._ranges]
        self._here: list[RefusalRange] = []

    def of(self, offset: int, record: Record) -> Refusal | None:
        """Return why a record is rejected, or None. Offsets ascend from call to call."""
        if offset >= self._settled:
            return None
        article_id = record.article.article_id
        if record.problem:  # the reader knows better than the gateway what is wrong with it
            return Refusal(offset, article_id, RefusalReason.MALFORMED, record.problem)
        if (refusal := self._by_offset.get(offset)) is not None:
            return refusal
        while self._coming and self._coming[-1].first_offset <= offset:
            self._here.append(self._coming.pop())
        self._here = [found for found in self._here if offset < found.end_offset]
        for found in self._here:
            whole = found.articles == found.end_offset - found.first_offset
            if whole or _evident(found.reason, record.article):
                return Refusal(offset, article_id, found.reason, "")
        return None


def _evident(reason: RefusalReason, article: Article) -> bool:
    """Whether every gateway refuses the article for this reason."""
    publication = article.publication.strip()
    match reason:
        case RefusalReason.PUBLICATION_EMPTY:
            return not publication
        case RefusalReason.CONTENT_EMPTY:
            return not article.content.strip()
        case RefusalReason.PUBLICATION_TOO_LONG:
            return _size(publication) > PUBLICATION_LIMIT_BYTES
        case RefusalReason.CONTENT_TOO_LONG:
            return _size(article.content) > CONTENT_LIMIT_BYTES
        case RefusalReason.ARTICLE_ID_TOO_LONG:
            return _size(article.article_id) > ARTICLE_ID_LIMIT_BYTES
        case _:
            return False


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
