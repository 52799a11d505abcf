"""Which engine runs the pipeline."""

import importlib

from newstally_extractor.engines.engine import Engine, SettingError
from newstally_extractor.settings import ExtractorSettings

# By name, because importing one loads spaCy, and others do without it.
_FAST = "newstally_extractor.engines.fast:make"
_FACTORIES = {
    "auto": _FAST,
    "fast": _FAST,
    "stock": "newstally_extractor.engines.stock:make",
}


def make_engine(settings: ExtractorSettings) -> Engine:
    """Make the engine that the settings name.

    Raises SettingError if there is none, or if it cannot load its model.
    """
    module, _, factory = _FACTORIES.get(settings.engine, settings.engine).partition(":")
    try:
        make = getattr(importlib.import_module(module), factory)
    except (ImportError, AttributeError) as error:
        raise SettingError(
            "engine", f"cannot import {module}:{factory} ({error}); is it on PYTHONPATH?"
        ) from error
    try:
        engine: Engine = make(settings)
    except SettingError:
        raise
    except Exception as error:
        raise SettingError(
            "engine", f"{module}:{factory} raised {type(error).__name__}: {error}"
        ) from error
    return engine
