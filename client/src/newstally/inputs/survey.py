"""Reads an input once before anything is sent: is it readable, how much is it, what is it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from newstally.errors import InputError
from newstally.inputs.dating import Dating
from newstally.inputs.files import File
from newstally.inputs.readers.columns import Columns
from newstally.inputs.source import Record, Source

UNKNOWN_RECORDS = 2**62
"""Of an input that is read once nobody knows how many records it has; never more than these."""


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
    articles: str = ""
    """SHA-256 over the articles in their order, hexadecimal; in states of older releases empty."""

    @property
    def upload_id(self) -> str:
        """The id that any machine gives to an upload of these articles, whatever their form."""
        return f"input-{self.articles[:40]}"

    def summary(self) -> bytes:
        """Return 32 bytes that differ where the articles do: for the persister to compare."""
        return bytes.fromhex(self.articles)

    def difference(self, other: "Fingerprint") -> str | None:
        """Say in what the other's articles differ, or None if they do not."""
        known = bool(self.digest and other.digest)
        if known and self.articles and other.articles:
            same = self.articles == other.articles
        else:
            same = known and (self.digest, *self.reading) == (other.digest, *other.reading)
        differences = (
            (same, None),
            (not known, "what came through a pipe was not kept"),
            (self.formats != other.formats, "the formats differ"),
            (self.columns != other.columns, "the column options differ"),
            (
                (self.encoding, self.delimiter) != (other.encoding, other.delimiter),
                "--encoding or --delimiter differs",
            ),
            (
                self.sizes != other.sizes,
                f"the size was {sum(self.sizes)} bytes and is {sum(other.sizes)}",
            ),
            (True, "the content differs"),
        )
        return next(text for holds, text in differences if holds)

    @property
    def reading(self) -> tuple[object, ...]:
        """How the bytes become articles."""
        return (self.formats, self.columns, self.encoding, self.delimiter)


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
    dating: Dating = field(default_factory=Dating)
    """How many have a time."""


def unknown(source: Source) -> Survey:
    """Return what is known of an input that is read only once: how it is read, and no more."""
    reading = Fingerprint(
        paths=tuple(str(file.path) for file in source.files),
        formats=tuple(file.kind for file in source.files),
        sizes=(0,) * len(source.files),
        digest="",
        columns=source.columns,
        encoding=source.encoding,
        delimiter=source.delimiter,
    )
    return Survey(reading, UNKNOWN_RECORDS, 0)


def survey(source: Source, on_record: Callable[[int], None] | None = None) -> Survey:
    """Read the whole input once; `on_record` is told how many records were read so far.

    Blocks; raises InputError as `Source.records` does.
    """
    digest, articles = hashlib.sha256(), hashlib.sha256(_FORM)
    records = malformed = 0
    first_malformed = None
    dating = Dating()
    for record in source.records(digest):
        records += 1
        articles.update(_bytes_of(record))
        dating.add(record)
        if on_record is not None:
            on_record(records)
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
            articles=articles.hexdigest(),
        ),
        records,
        malformed,
        first_malformed,
        dating,
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = b"newstally 1\n"
"""How articles are digested. Another way would be other ids, and articles counted twice."""


def _bytes_of(record: Record) -> bytes:
    """Return bytes that no other article has; all that is malformed is alike."""
    if record.problem:
        return b"\xff"
    article = record.article
    fields = (article.publication, article.content, article.article_id)
    encoded = [field.encode("utf-8", "surrogatepass") for field in fields]
    parts = [part for data in encoded for part in (len(data).to_bytes(8, "big"), data)]
    if article.publish_time is not None:
        # Before the first length, which begins with a zero: an article without a time is digested
        # as it was before there were times.
        micros = (article.publish_time - _EPOCH) // timedelta(microseconds=1)
        parts.insert(0, b"\xfe" + micros.to_bytes(8, "big", signed=True))
    return b"".join(parts)


def _size(file: File) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise InputError(f"{file.path}: cannot be read: {error.strerror}") from error
