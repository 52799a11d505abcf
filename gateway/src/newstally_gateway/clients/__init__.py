"""What faces the clients: their streams, from the first message to the status."""
