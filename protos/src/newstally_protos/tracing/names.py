"""What spans are called: docs/traces.md says of each where it begins and ends."""

from typing import Final

COMMAND: Final = "command"
UPLOAD: Final = "upload"
STREAM: Final = "stream"
ARTICLE: Final = "article"
WAITING: Final = "waiting"
EXTRACTION: Final = "extraction"
RECORDING: Final = "recording"
COMMIT: Final = "commit"
FLUSH: Final = "flush"
PART: Final = "part"

PREFIX: Final = "newstally."
"""What our attributes begin with."""
