"""Every task that left the queue, by stream and offset."""

from collections.abc import Set

from newstally_gateway.core.replicas.accounts import Entry
from newstally_gateway.core.tasks import StreamKey, Task


class Entries:
    """Keeps track of tasks until they are answered, given back, given up or discarded."""

    def __init__(self) -> None:
        self._of_stream: dict[StreamKey, dict[int, Entry]] = {}

    def enter(self, task: Task) -> Entry:
        """Keep track of a task that leaves the queue."""
        entry = Entry(task)
        self._of_stream.setdefault(task.stream, {})[task.offset] = entry
        return entry

    def forget(self, entry: Entry) -> None:
        """Keep track of a task no more."""
        entries = self._of_stream[entry.task.stream]
        del entries[entry.task.offset]
        if not entries:
            del self._of_stream[entry.task.stream]

    def get(self, stream: StreamKey, offset: int) -> Entry | None:
        """Return a task's entry; None if it is not kept track of."""
        return self._of_stream.get(stream, {}).get(offset)

    def of_stream(self, stream: StreamKey, below: int | None) -> Set[Entry]:
        """Return a stream's entries: all, or those with an offset under `below`."""
        entries = self._of_stream.get(stream, {})
        return {each for offset, each in entries.items() if below is None or offset < below}
