"""Days: when articles were published, and what was mentioned on which day."""
