"""What faces the gateway: one upload over many streams."""
