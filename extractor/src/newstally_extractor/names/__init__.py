"""Which name each mention of an article is counted under."""
