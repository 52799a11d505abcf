"""From bytes to records: one module for each format."""
