"""Finds the named entities of articles with one pipeline per process."""

from importlib.metadata import PackageNotFoundError, version

try:
    RELEASE = version("newstally-extractor")
    """The extractor's own version."""
except PackageNotFoundError:  # run from a source tree
    RELEASE = "unreleased"
