"""Finds the named entities of articles with one pipeline per process."""
