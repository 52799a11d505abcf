"""How the services behind a target are, in one overview."""
