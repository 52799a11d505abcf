"""`newstally-extractor`, or `python -m newstally_extractor`."""

import gc
import logging
import os
import sys
from functools import partial

from newstally_runtime import lifeline, signals
from newstally_runtime.observing import logs
from newstally_runtime.observing.process import Process
from newstally_runtime.service import run
from newstally_runtime.settings import load

from newstally_extractor.app import ExtractorService
from newstally_extractor.engines import make_engine
from newstally_extractor.engines.ending import end_broken
from newstally_extractor.engines.engine import SettingError
from newstally_extractor.engines.engine_thread import EngineThread
from newstally_extractor.engines.hardlimit import hard_limit
from newstally_extractor.metrics import Metrics
from newstally_extractor.settings import ExtractorSettings, describe

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by numeric libraries when they load: one thread per replica, unless they are set already."""


def main() -> None:
    """Load the model, then serve until SIGTERM. Exit code 2 for settings that cannot work."""
    signals.end_at_once()
    settings = load(ExtractorSettings)
    # Before the model is loaded: that takes long, and may never end.
    lifeline.watch(settings.drain)
    logs.configure(Process("extractor"), settings.log_level, settings.log_format)
    logging.captureWarnings(capture=True)
    # Engines, and numpy with them, are imported by make_engine: after this.
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
    try:
        thread = EngineThread(
            partial(make_engine, settings),
            partial(hard_limit, settings.hard_limit),
            end_broken,
            settings.soft_limit,
        )
    except SettingError as error:
        print(f"{describe(error.setting)}: {error.message}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    # Looking for garbage in the pipeline takes 1 % of extraction, and there is none.
    gc.collect()
    gc.freeze()
    try:
        run("extractor", settings, partial(ExtractorService, settings, thread, Metrics()))
    except SystemExit as end:
        # The interpreter would wait for the model's thread; its work is unanswered and goes
        # elsewhere.
        if thread.busy:
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        raise


if __name__ == "__main__":
    main()
