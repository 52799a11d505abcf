"""One run of `newstally upload`: which upload, how it goes, what it came to."""
