"""What can be seen of a process: its release, logs, errors, times, and what its tasks wait for."""
