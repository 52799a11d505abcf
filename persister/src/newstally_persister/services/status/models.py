"""Says when the tallies of one store are counted in several ways."""

from collections.abc import Sequence

import structlog

log = structlog.get_logger()


class Models:
    """What the tallies were counted with, as far as it was told."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    @property
    def known(self) -> Sequence[str]:
        """All of them, sorted."""
        return sorted(self._known)

    def note(self, models: Sequence[str]) -> None:
        """Log a line when there are several, and again for each that comes later."""
        if self._known.issuperset(models):
            return
        self._known.update(models)
        if len(self._known) > 1:
            log.warning(
                "tallies are counted in several ways",
                models=sorted(self._known),
                remedy="the same thing may be counted under different names; to have one way, let "
                "all extractors run one release, model and table, and count into a new store",
            )
