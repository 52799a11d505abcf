"""What every use of SQLite here needs."""
