"""The gateway's decisions: plain, synchronous, without I/O, tasks, logs or a clock of their own.

Time comes in as `now`, seconds of one monotonic clock; it never goes backwards.

- `validation`: whether an article can be counted at all.
- `outcomes`: what came of it.
- `tasks`: what the two rooms deal in.
- `clients`: client streams; `clients.stream` puts them together.
- `replicas`: links to replicas, and which article goes where.
"""
