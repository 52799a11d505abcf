"""`newstally status`."""
