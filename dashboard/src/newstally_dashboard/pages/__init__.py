"""The pages: what each asks, and which template shows it."""
