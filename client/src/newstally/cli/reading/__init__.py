"""Commands that read more than one list of tallies."""
