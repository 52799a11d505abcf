"""What faces the persister: batches, uploads and what is passed on."""
