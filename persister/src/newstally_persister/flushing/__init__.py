"""Moves tallies from the journal to the sink, in parts."""
