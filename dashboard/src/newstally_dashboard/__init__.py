"""Shows in a browser what Newstally has counted, and how it is."""
