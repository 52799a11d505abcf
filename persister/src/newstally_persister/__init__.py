"""Keeps tallies durably in a journal and moves them to the sink, each article exactly once."""
