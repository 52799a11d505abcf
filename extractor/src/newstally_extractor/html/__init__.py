"""Contents that are HTML, reduced to their text."""
