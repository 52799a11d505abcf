"""What the words of an article show to be the same."""
