"""The replica's decisions: plain, synchronous, without I/O, tasks, logs or a clock of their own.

Time comes in as `now`, seconds of one monotonic clock; it never goes backwards.
"""
