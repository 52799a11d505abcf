"""How the persister is, and which errors are new."""
