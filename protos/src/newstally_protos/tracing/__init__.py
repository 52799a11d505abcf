"""Traces: what a process tells an OpenTelemetry collector of its work; nothing unless asked to."""
