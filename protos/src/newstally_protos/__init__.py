"""The generated stubs of newstally.v1. Regenerate with `make proto`."""
