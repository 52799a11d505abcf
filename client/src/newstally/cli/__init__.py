"""The command line: `newstally upload | top | publications | up`.

Exit codes: 0 done, refused articles included (they are reported); 1 the gateway refused for good,
or patience ran out; 2 wrong usage, or an input that cannot be used; 130 interrupted (an upload can
be resumed).
"""

import typer

from newstally.cli.tallies import publications, top
from newstally.cli.up import up
from newstally.cli.upload import upload

app = typer.Typer(
    name="newstally",
    help="Count who and what the news mentions.",
    epilog="Exit codes: 0 done (refused articles are reported, not a failure); 1 refused for good"
    " or gave up; 2 wrong usage or input; 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(upload)
app.command()(top)
app.command()(publications)
app.command()(up)


def main() -> None:
    """Run the command line."""
    app()
