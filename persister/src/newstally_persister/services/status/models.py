"""Says when the tallies of one store are counted in several ways."""

from collections.abc import Sequence

import structlog

from newstally_persister.values.batches import MODELS_LIMIT

log = structlog.get_logger()


class Models:
    """What the tallies were counted with, as far as it was told; at most MODELS_LIMIT of it."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    @property
    def known(self) -> Sequence[str]:
        """All of them, sorted."""
        return sorted(self._known)

    def note(self, models: Sequence[str]) -> None:
        """Log a line when there are several, and again for each that comes later."""
        new = sorted({*models} - self._known)[: MODELS_LIMIT - len(self._known)]
        if not new:
            return
        self._known.update(new)
        if len(self._known) > 1:
            log.warning(
                "tallies are counted in several ways",
                models=sorted(self._known),
                remedy="the same thing may be counted under different names; to have one way, let "
                "all extractors run one release, model and table, and count into a new store",
            )
