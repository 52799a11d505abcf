"""Sinks: where tallies live. One small protocol, one module per kind."""
