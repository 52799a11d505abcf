"""Tables for people: they fit into the terminal, and nothing is cut where there is none."""

from collections.abc import Sequence

from newstally_protos.names import shown
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Drawing(str):
    """A cell that is never folded."""

    __slots__ = ()


Cell = str | int | float

_NO_TERMINAL_COLUMNS = 1 << 20
"""In a file or a pipe a row is one line, however long."""


def print_table(names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows under their names; numbers stand to the right. There is at least one row."""
    table = Table(box=None, header_style="bold")
    for name, cell in zip(names, rows[0], strict=True):
        right = not isinstance(cell, str)
        drawn = isinstance(cell, Drawing)
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=drawn)
    for row in rows:
        table.add_row(*map(_text, row))
    console = Console()
    if console.is_terminal:
        console.print(table)
    else:
        Console(width=_NO_TERMINAL_COLUMNS).print(table)


def _text(cell: Cell) -> Text:
    """Not str: an entity may look like rich's markup."""
    match cell:
        case int():
            return Text(f"{cell:,}")
        case float():
            return Text(f"{cell:,.2f}")
        case _:
            return Text(shown(cell))
