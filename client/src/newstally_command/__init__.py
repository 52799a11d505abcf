"""The command `newstally`, begun before anything imports gRPC.

gRPC's core writes lines of its own to stderr, past all of logging, for each handshake that fails:
between the lines of a progress bar, and beside an error that says the same with its remedy. How
much it writes is read once, when it is imported, and importing the library imports it. The library
leaves that to its users' programs; so does `python -m newstally`.
"""

import os


def main() -> None:
    """Run the command line; GRPC_VERBOSITY=ERROR in the environment brings gRPC's lines back."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from newstally.cli import main as run  # noqa: PLC0415 - not before the line above

    run()
