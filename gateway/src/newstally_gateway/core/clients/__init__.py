"""What is decided about clients: their streams, offsets, memory and batches."""
