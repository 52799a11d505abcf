"""What replicas said of their errors before they went. Pure."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from itertools import chain, islice

from newstally_protos.v1.status_pb2 import ErrorGroup, ReplicaReport

ERRORS = 64
"""Most groups that are kept: those of the replicas that went last."""
ERRORS_BYTES = 256 * 1024
"""What they take together, serialised."""


class Departed:
    """Keeps the errors of replicas whose links have ended."""

    def __init__(self) -> None:
        self._errors: OrderedDict[str, Sequence[ErrorGroup]] = OrderedDict()

    def left(self, report: ReplicaReport | None) -> None:
        """Note the last report on a link that has ended."""
        if report is None or not report.process.errors:
            return
        self._errors.pop(report.process.instance_id, None)
        self._errors[report.process.instance_id] = report.process.errors[:ERRORS]
        while len(self._errors) > 1 and self._is_too_much():
            self._errors.popitem(last=False)

    def errors(self, here: Collection[str]) -> Sequence[ErrorGroup]:
        """Return the errors of all but the instances that are here again."""
        gone = (found for instance, found in self._errors.items() if instance not in here)
        return list(islice(chain.from_iterable(gone), ERRORS))

    def _is_too_much(self) -> bool:
        every = list(chain.from_iterable(self._errors.values()))
        return len(every) > ERRORS or sum(each.ByteSize() for each in every) > ERRORS_BYTES
