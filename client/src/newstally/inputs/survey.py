"""Reads an input once before anything is sent: is it readable, how much is it, what is it."""

import hashlib
import json
from dataclasses import asdict, dataclass

from newstally.errors import InputError
from newstally.inputs.columns import Columns
from newstally.inputs.files import File
from newstally.inputs.source import Record, Source


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Tells one input from another: if it is the same, so are the articles and their offsets."""

    paths: tuple[str, ...]
    """Absolute. For finding an upload by its input; an input that was only moved is the same."""
    formats: tuple[str, ...]
    """How each file is read, for example ".csv.gz"."""
    sizes: tuple[int, ...]
    """Bytes on disk of each file."""
    digest: str
    """SHA-256 over the bytes of all files, hexadecimal."""
    columns: Columns
    """How a record becomes an article."""
    encoding: str = "utf-8"
    """How bytes become text."""
    delimiter: str = ","
    """What stands between the fields of CSV."""

    def summary(self) -> bytes:
        """Return 32 bytes that differ where the articles may: for the persister to compare."""
        defaults, columns = asdict(Columns()), asdict(self.columns)
        # Only what was chosen, so that an option that a later release has changes nothing.
        chosen = {name: value for name, value in columns.items() if value != defaults[name]}
        parts = [self.formats, self.digest, chosen, self.encoding, self.delimiter]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()

    def difference(self, other: "Fingerprint") -> str | None:
        """Say in what the other's articles differ, or None if they do not."""
        if self.formats != other.formats:
            return "the formats differ"
        if self.columns != other.columns:
            return "the column options differ"
        if (self.encoding, self.delimiter) != (other.encoding, other.delimiter):
            return "--encoding or --delimiter differs"
        if self.sizes != other.sizes:
            return f"the size was {sum(self.sizes)} bytes and is {sum(other.sizes)}"
        if self.digest != other.digest:
            return "the content differs"
        return None


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of an input before it is sent."""

    fingerprint: Fingerprint
    records: int
    """How many articles an upload of it has, the malformed included."""
    malformed: int
    """How many of them cannot be articles."""
    first_malformed: Record | None = None
    """The first of those."""


def survey(source: Source) -> Survey:
    """Read the whole input once. Blocks; raises InputError as `Source.records` does."""
    digest = hashlib.sha256()
    records = malformed = 0
    first_malformed = None
    for record in source.records(digest):
        records += 1
        if record.problem:
            malformed += 1
            first_malformed = first_malformed or record
    return Survey(
        Fingerprint(
            paths=tuple(str(file.path) for file in source.files),
            formats=tuple(file.kind for file in source.files),
            sizes=tuple(_size(file) for file in source.files),
            digest=digest.hexdigest(),
            columns=source.columns,
            encoding=source.encoding,
            delimiter=source.delimiter,
        ),
        records,
        malformed,
        first_malformed,
    )


def _size(file: File) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise InputError(f"{file.path}: cannot be read: {error.strerror}") from error
