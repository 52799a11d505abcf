"""What --max-rejects allows."""

import typer

from newstally.errors import InputError


class MostRejects:
    """What --max-rejects allows: a number of records, or a part of all."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is neither `N` nor `P%`."""
        self._text = text
        self._percent = float(text[:-1]) if text.endswith("%") else None
        self._number = 0 if text.endswith("%") else int(text)
        if self._number < 0 or not 0 <= (self._percent or 0.0) <= 100:
            raise ValueError(text)

    def check(self, rejected: int, records: int, upload_id: str = "") -> None:
        """Raise InputError if more were rejected of an input of so many records."""
        allowed = self._number if self._percent is None else records * self._percent / 100
        if rejected > allowed:
            remedy = (
                f"stopped; `newstally refusals {upload_id}` lists them, and the same command with"
                " more allowed goes on"
                if upload_id
                else "nothing was sent; --dry-run lists them"
            )
            raise InputError(
                f"{rejected:,} of {records:,} records are rejected, more than --max-rejects"
                f" {self._text}: {remedy}"
            )


def allowed(text: str | None) -> MostRejects:
    """Read --max-rejects; without it all may be rejected."""
    try:
        return MostRejects("100%" if text is None else text)
    except ValueError as error:
        raise typer.BadParameter("--max-rejects takes a number, or a part such as 5%") from error
