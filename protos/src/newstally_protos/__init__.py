"""The protocol newstally.v1: its stubs (`make proto`), its limits, and what both ends agree on."""
