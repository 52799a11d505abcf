"""From mentions to counts."""
