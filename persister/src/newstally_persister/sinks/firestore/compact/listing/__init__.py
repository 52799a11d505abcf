"""Lists that pages show, kept beside the tallies of a compact database."""
