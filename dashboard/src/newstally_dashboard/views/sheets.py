"""Tables as CSV, for people who open them with a spreadsheet. Pure."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from newstally_protos.v1.tally_pb2 import EntityTally

HEAD = ("name", "text", "label", "mentions", "articles")
MARK = "\ufeff"
"""Without it, spreadsheets do not take it for UTF-8."""
_FORMULA = re.compile(r"^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 80


def harmless(cell: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe before what may be."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def rows_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([harmless(each) if isinstance(each, str) else each for each in row])
    return text.getvalue()


def entity_rows(tallies: Iterable[EntityTally]) -> str:
    """Return entities as CSV, as HEAD names them."""
    return rows_text(
        (each.name or each.text, each.text, each.label, each.mentions, each.articles)
        for each in tallies
    )


def disposition(name: str) -> str:
    """Return the header that names a download: in ASCII, and as it is (RFC 6266)."""
    shown = "".join(
        "_" if unicodedata.category(sign)[0] in "CZ" or sign in '/\\:*?"<>|' else sign
        for sign in name
    )[:_LONGEST_NAME].strip("._ ")
    plain = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode()
    plain = _UNSAFE.sub("_", plain).strip("._") or "newstally"
    return f"attachment; filename=\"{plain}.csv\"; filename*=UTF-8''{quote(shown or plain)}.csv"
