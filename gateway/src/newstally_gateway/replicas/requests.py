"""Packs attempts into messages for a replica. Pure."""

from collections import deque

from newstally_protos.limits import SEND_LIMIT_BYTES
from newstally_protos.v1.extractor_pb2 import ExtractRequest, Work

from newstally_gateway.core.tasks import Attempt

WORK_OVERHEAD_BYTES = 32
"""More than a Work takes besides its content: tags, lengths, id and alone."""
REQUEST_ARTICLES = 256
"""Most articles in a message: building it is one turn of the event loop."""


def pack(unsent: deque[Attempt], limit_bytes: int = SEND_LIMIT_BYTES) -> ExtractRequest:
    """Take attempts from the front until the message is full; at least one."""
    request = ExtractRequest()
    room = limit_bytes
    while unsent and len(request.work) < REQUEST_ARTICLES:
        attempt = unsent[0]
        room -= attempt.task.size_bytes + WORK_OVERHEAD_BYTES
        if room < 0 and request.work:
            break
        unsent.popleft()
        request.work.append(
            Work(id=attempt.attempt_id, content=attempt.task.content, alone=attempt.alone)
        )
    return request
