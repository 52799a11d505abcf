"""UploadService: makes and looks up uploads."""

import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol

import grpc
from newstally_protos.keys import KeysError, check_owner
from newstally_protos.limits import FINGERPRINT_LIMIT_BYTES
from newstally_protos.v1 import upload_pb2, upload_pb2_grpc
from newstally_protos.wire import ANONYMOUS_OWNER
from newstally_runtime.deadline import steady
from newstally_runtime.status import StatusError, invalid, wait

from newstally_persister.services.answering import answered
from newstally_persister.services.messages import range_message, refusal_message, upload_message
from newstally_persister.services.owners import (
    Bounds,
    bounds_of,
    id_taken,
    owner_of,
    unknown_upload,
)
from newstally_persister.services.paging import next_token, page_items, read_token
from newstally_persister.services.reads import Reads
from newstally_persister.values.open_uploads import OpenUploads
from newstally_persister.values.uploads import UPLOADS_PER_DAY, NewUpload, Upload

OPEN_WAIT_SECONDS = 60.0
"""What a caller with too many open uploads is told to wait."""
LONGEST_WAIT_SECONDS = 3_600.0
"""What a caller over its daily bound is told to wait at most: somebody may raise the bound."""
_DAY_SECONDS = 86_400.0
_UPLOAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Creator(Protocol):
    """What the service needs of the journal's writer."""

    async def create_upload(self, wish: NewUpload) -> Upload | None:
        """Make an upload; see JournalWriter."""
        ...

    async def assign_upload(self, upload_id: str, owner: str) -> Upload | None:
        """Give an upload to an owner; see journal.tables.owned."""
        ...


class UploadService(upload_pb2_grpc.UploadServiceServicer):
    """Every upload has an owner, and only that one may see it."""

    def __init__(
        self,
        journal: Creator,
        reads: Reads,
        tokens: Callable[[], int],
        uploads_per_day: int = UPLOADS_PER_DAY,
        wall_clock: Callable[[], float] = time.time,
        open_uploads: OpenUploads | None = None,
    ) -> None:
        """`tokens`: each is higher than those before. `open_uploads`: those of all services."""
        self._open_uploads = open_uploads or OpenUploads()
        self._tokens = tokens
        self._journal = journal
        self._reads = reads
        self._uploads_per_day = uploads_per_day
        self._wall_clock = wall_clock

    @answered
    async def CreateUpload(  # noqa: N802
        self, request: upload_pb2.CreateUploadRequest, context: Any
    ) -> upload_pb2.CreateUploadResponse:
        """Make an upload, or return the one of that id when the same owner made it before."""
        # Hexadecimal: needs no escaping in a URL, a shell or a file name.
        upload_id = request.upload_id or secrets.token_hex(16)
        _check_id(upload_id)
        if len(request.fingerprint) > FINGERPRINT_LIMIT_BYTES:
            raise invalid("fingerprint", f"must have at most {FINGERPRINT_LIMIT_BYTES} bytes")
        owner = owner_of(context)
        bounds = bounds_of(context)
        self._open(owner, upload_id, bounds)
        per_day = min(self._uploads_per_day, bounds.uploads_per_day or self._uploads_per_day)
        upload = await self._journal.create_upload(
            NewUpload(upload_id, owner, request.fingerprint, per_day)
        )
        if upload is None:
            raise self._too_many_today(per_day)
        if upload.owner != owner:
            raise id_taken(owner)
        if request.fingerprint and upload.fingerprint not in (b"", request.fingerprint):
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION,
                "the upload of this id was made for another input: give this one an id of its own",
            )
        return upload_pb2.CreateUploadResponse(
            upload=upload_message(upload), opening=self._opening(request.opening, upload)
        )

    @answered
    async def GetUpload(  # noqa: N802
        self, request: upload_pb2.GetUploadRequest, context: Any
    ) -> upload_pb2.GetUploadResponse:
        """Return an upload as it stands."""
        upload = await self._find(request.upload_id, owner_of(context))
        if request.opening:
            self._open(upload.owner, upload.own_id, bounds_of(context))
        # After the upload was read: what is below its applied_offset is in the sink, or in these.
        aside = await self._reads.run(lambda reader: len(reader.list_set_aside()))
        return upload_pb2.GetUploadResponse(
            upload=upload_message(upload, aside), opening=self._opening(request.opening, upload)
        )

    @answered
    async def ListRefusals(  # noqa: N802
        self, request: upload_pb2.ListRefusalsRequest, context: Any
    ) -> upload_pb2.ListRefusalsResponse:
        """List an upload's refusals by offset."""
        upload = await self._find(request.upload_id, owner_of(context))
        query = ("refusals", upload.upload_id)
        items = page_items(request.page_size)
        (after,) = read_token(request.page_token, query, (int,)) or (-1,)
        found = await self._reads.run(
            lambda reader: reader.list_refusals(upload.upload_id, after, items + 1)
        )
        page = found[:items]
        if len(found) > items:
            token = next_token(query, (page[-1].offset,))
            return upload_pb2.ListRefusalsResponse(
                refusals=map(refusal_message, page), next_page_token=token
            )
        ranges = await self._reads.run(lambda reader: reader.list_refusal_ranges(upload.upload_id))
        return upload_pb2.ListRefusalsResponse(
            refusals=map(refusal_message, page), refusal_ranges=map(range_message, ranges)
        )

    @answered
    async def ListUploads(  # noqa: N802
        self, request: upload_pb2.ListUploadsRequest, context: Any
    ) -> upload_pb2.ListUploadsResponse:
        """List the owner's uploads, those made last first."""
        owner = owner_of(context)
        query = ("uploads", owner)
        items = page_items(request.page_size)
        after = read_token(request.page_token, query, (int, str))
        found = await self._reads.run(lambda reader: reader.list_uploads(owner, after, items + 1))
        page = found[:items]
        token = ""
        if len(found) > items:
            token = next_token(query, (page[-1].create_micros, page[-1].upload_id))
        return upload_pb2.ListUploadsResponse(
            uploads=map(upload_message, page), next_page_token=token
        )

    @answered
    async def AssignUpload(  # noqa: N802
        self, request: upload_pb2.AssignUploadRequest, _context: Any
    ) -> upload_pb2.AssignUploadResponse:
        """Give an upload of nobody's to an owner."""
        _check_id(request.upload_id)
        try:
            check_owner(request.owner)
        except KeysError as error:
            raise invalid("owner", str(error)) from error
        upload = await self._journal.assign_upload(request.upload_id, request.owner)
        if upload is None:
            raise unknown_upload()
        return upload_pb2.AssignUploadResponse(upload=upload_message(upload))

    def _open(self, owner: str, upload_id: str, bounds: Bounds) -> None:
        """Count an upload as open. Raises StatusError where its key has too many."""
        limit = bounds.open_uploads
        if limit is not None and not self._open_uploads.open(owner, upload_id, limit, steady()):
            raise wait(
                OPEN_WAIT_SECONDS,
                f"this key has {limit} uploads open: finish one of them, and do not add to it for "
                "an hour, or ask for a key that may more",
            )

    def _too_many_today(self, per_day: int) -> StatusError:
        left = _DAY_SECONDS - self._wall_clock() % _DAY_SECONDS
        return wait(
            min(left, LONGEST_WAIT_SECONDS),
            f"this owner has made {per_day} uploads today (UTC): carry on one of them, or raise "
            "--uploads-per-day of the persister, or of the key",
        )

    async def _find(self, upload_id: str, owner: str) -> Upload:
        if not upload_id:
            raise invalid("upload_id", "is required")
        _check_id(upload_id)
        found = await self._reads.run(lambda reader: reader.find_upload(upload_id, owner))
        if found is not None:
            return found
        if owner != ANONYMOUS_OWNER:
            # Made before there were keys: a client that is told that it is gone would begin anew.
            nobodys = await self._reads.run(
                lambda reader: reader.find_upload(upload_id, ANONYMOUS_OWNER)
            )
            if nobodys is not None:
                raise id_taken(owner)
        raise unknown_upload()

    def _opening(self, wanted: bool, upload: Upload) -> upload_pb2.Opening | None:
        if not wanted:
            return None
        return upload_pb2.Opening(stored_id=upload.upload_id, token=self._tokens())


def _check_id(upload_id: str) -> None:
    """Raise INVALID_ARGUMENT for what cannot be the id of any upload."""
    if not _UPLOAD_ID.fullmatch(upload_id):
        raise invalid(
            "upload_id",
            "must be 1 to 128 letters, digits and ._:- and begin with a letter or digit",
        )
