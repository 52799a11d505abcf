"""Numbers, times and names as people read them. Pure."""

from datetime import UTC, datetime

from newstally_protos.names import cleaned

LABELS = {
    "PERSON": "Person",
    "ORG": "Organisation",
    "GPE": "Country or city",
    "LOC": "Place",
    "NORP": "Group",
    "FAC": "Building",
    "EVENT": "Event",
    "PRODUCT": "Product",
    "WORK_OF_ART": "Work",
    "LAW": "Law",
    "LANGUAGE": "Language",
    "MISC": "Other",
}
"""What the default pipeline's labels mean."""

UNKNOWN = "\N{EN DASH}"


def label_name(label: str) -> str:
    """Return what a label means, or itself."""
    return LABELS.get(label, label)


def count(value: int, thing: str) -> str:
    """Return "1 mention", "2 mentions"."""
    return f"{value:,} {thing}" if value == 1 else f"{value:,} {thing}s"


def number(value: float) -> str:
    """Return 1,234 or, of what is no whole number, 1,234.5."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def per(value: float | None) -> str:
    """Return a rate with so many digits as tell something."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 1 else f"{value:,.2f}"


def times(value: float) -> str:
    """Return how many times: with a decimal where that tells something."""
    return (
        f"{value:,.0f}\N{MULTIPLICATION SIGN}"
        if value >= 10
        else f"{value:,.1f}\N{MULTIPLICATION SIGN}"
    )


def size(value: float) -> str:
    """Return bytes as B, KiB, MiB or GiB."""
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} {unit}"
        value /= 1024
    return f"{value:,.1f} GiB"


def seconds(value: float | None) -> str:
    """Return a length of time."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * 1000:,.0f} ms"
    if value < 120:
        return f"{value:,.1f} s"
    if value < 7200:
        return f"{value / 60:,.0f} min"
    return f"{value / 3600:,.0f} h"


def moment(value: datetime | str | None) -> str:
    """Return a time in UTC to the second."""
    if not value:
        return UNKNOWN
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def quoted(name: str) -> str:
    """Return a name in quotation marks, without what does harm."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{cleaned(name)}\N{RIGHT DOUBLE QUOTATION MARK}"


def entity_name(tally: object) -> str:
    """Return what readers call an entity."""
    return str(getattr(tally, "name", "") or getattr(tally, "text", ""))
