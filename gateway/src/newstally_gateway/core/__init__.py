"""The gateway's decisions: plain, synchronous, without I/O, tasks, logs or a clock of their own.

Time comes in as `now`, seconds of one monotonic clock; it never goes backwards.

- `numbering`: which offset a message has, and whether it is new.
- `validation`: whether an article can be counted at all.
- `admission`: whether there is memory for it.
- `dispatcher`: which replica gets it, and what happens when replicas go.
- `outcomes`: what came of it.
- `ledger`, `batches`: which outcomes are recorded together, and what the client hears.
"""
