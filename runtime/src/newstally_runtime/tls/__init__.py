"""Certificates: read from files, read again when they change, and used on ports and channels."""
