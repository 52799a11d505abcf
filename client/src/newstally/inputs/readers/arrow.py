"""pyarrow, which only Parquet needs and only the extra `parquet` brings."""

import importlib
from typing import Any

from newstally.errors import InputError


def pyarrow() -> Any:
    """Return the package. Raises InputError with the remedy where it is not installed."""
    return _import("pyarrow")


def pyarrow_parquet() -> Any:
    """Return its module for Parquet, likewise."""
    return _import("pyarrow.parquet")


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            "Parquet needs pyarrow, which is not installed: `pip install pyarrow`"
        ) from error
