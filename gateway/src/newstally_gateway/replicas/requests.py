"""Messages to a replica. Pure."""

from collections.abc import Iterable, Sequence

from newstally_protos.v1.extractor_pb2 import ExtractRequest, Work

from newstally_gateway.core.tasks import Attempt

WORK_OVERHEAD_BYTES = 96
"""More than a Work takes besides its content: tags, lengths, id, alone and traceparent."""
REQUEST_ARTICLES = 256
"""Most articles in a message: building it is one turn of the event loop."""


def make_request(attempts: Iterable[Attempt], withdrawn: Sequence[int]) -> ExtractRequest:
    """Return the message that sends attempts and withdraws others."""
    return ExtractRequest(
        work=[
            Work(
                id=attempt.attempt_id,
                content=attempt.task.content,
                alone=attempt.alone,
                traceparent="" if (trace := attempt.task.trace) is None else str(trace),
            )
            for attempt in attempts
        ],
        withdrawn=withdrawn,
        takes_back=True,
    )
