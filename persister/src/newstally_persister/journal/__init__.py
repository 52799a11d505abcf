"""The journal: the persister's durable, coalescing buffer on its own disk."""
