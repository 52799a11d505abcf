"""What is in the journal's file: its tables, and the functions that read and write them."""
