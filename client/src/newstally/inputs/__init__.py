"""Articles from files or a pipe: CSV and JSON Lines, plain or gzipped, read as a stream."""

from newstally.inputs.columns import Columns
from newstally.inputs.files import PIPE, spooled
from newstally.inputs.source import Record, Source
from newstally.inputs.survey import Fingerprint, Survey, survey

__all__ = ["PIPE", "Columns", "Fingerprint", "Record", "Source", "Survey", "spooled", "survey"]
