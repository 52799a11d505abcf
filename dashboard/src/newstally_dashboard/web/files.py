"""The files that pages need: read once, served under an address that names their bytes."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).resolve().parents[1] / "static"
FOREVER = "public, max-age=31536000, immutable"
COMPRESSED = frozenset({"text/css", "text/javascript", "image/svg+xml"})
_DIGITS = 16
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class File:
    """One file."""

    kind: str
    data: bytes
    compressed: bytes | None


class Files:
    """All files below FOLDER."""

    def __init__(self) -> None:
        """Read them. One digest stands for all: modules import each other by relative names."""
        digest = hashlib.sha256()
        self._files: dict[str, File] = {}
        for path in sorted(FOLDER.rglob("*")):
            if not path.is_file():
                continue
            name, data = path.relative_to(FOLDER).as_posix(), path.read_bytes()
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
            kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "text/plain"
            packed = gzip.compress(data, 6, mtime=0) if kind in COMPRESSED else None
            self._files[name] = File(kind, data, packed)
        self.digest = digest.hexdigest()[:_DIGITS]

    def address(self, name: str) -> str:
        """Return where a file is served. Raises KeyError for one that is not there."""
        self._files[name]
        return f"/static/{self.digest}/{name}"

    async def serve(self, request: Request) -> Response:
        """Answer with a file."""
        file = self._files.get(request.path_params["name"])
        if file is None or request.path_params["digest"] != self.digest:
            return Response("no such file\n", 404, media_type="text/plain")
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        data = file.data
        if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            data = file.compressed
            headers["Content-Encoding"] = "gzip"
        return Response(data, headers=headers, media_type=file.kind)
