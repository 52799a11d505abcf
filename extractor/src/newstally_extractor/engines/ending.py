"""The end of a process whose pipeline is broken."""

import os
from typing import NoReturn

import structlog

log = structlog.get_logger()


def end_broken(reason: str) -> NoReturn:
    """End the process at once with exit code 1, from any thread.

    Nothing is answered any more: gateways give the work to other replicas. They are told nothing
    before, so what ran becomes suspect: it may be what broke the pipeline. In good order it could
    not end for certain: memory may have run out, and a library may hang when it is unloaded.
    """
    try:
        log.error(
            "the pipeline is broken",
            reason=reason,
            remedy="what was unanswered goes to other replicas; start this one again",
        )
    finally:
        os._exit(1)
