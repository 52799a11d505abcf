"""What is decided about callers: who they are, what they may, and how much."""
