"""Articles from files or a pipe, plain, compressed or in archives, as a stream."""

from newstally.inputs.files import PIPE, found, spooled
from newstally.inputs.formats import FORMATS
from newstally.inputs.readers.columns import Columns
from newstally.inputs.source import Record, Source
from newstally.inputs.survey import UNKNOWN_RECORDS, Fingerprint, Survey, survey, unknown

__all__ = [
    "FORMATS",
    "PIPE",
    "UNKNOWN_RECORDS",
    "Columns",
    "Fingerprint",
    "Record",
    "Source",
    "Survey",
    "found",
    "spooled",
    "survey",
    "unknown",
]
