"""Articles from files: CSV and JSON Lines, plain or gzipped, read as a stream."""

from newstally.inputs.columns import Columns
from newstally.inputs.files import Record, Source
from newstally.inputs.survey import Fingerprint, Survey, survey

__all__ = ["Columns", "Fingerprint", "Record", "Source", "Survey", "survey"]
