"""`python -m newstally`."""

from newstally.cli import main

main()
