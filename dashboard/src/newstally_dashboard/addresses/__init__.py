"""What the address of a page says: its whole state. Pure."""
