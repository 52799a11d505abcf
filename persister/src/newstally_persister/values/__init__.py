"""The values that the persister speaks of."""
