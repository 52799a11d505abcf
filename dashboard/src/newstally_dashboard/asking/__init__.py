"""Asks a gateway: within bounds, and not twice for the same."""
