"""What can be wrong with a journal. Each message says what happened and what to do."""


class JournalError(Exception):
    """The journal cannot be used; fatal for the process."""


class CorruptJournalError(JournalError):
    """What was read is not what was written."""


class JournalDiskError(JournalError):
    """The journal's disk does not do what it should just now; what is in the file may be intact."""


class JournalVersionError(JournalError):
    """The journal was written by a newer release."""


class JournalLockedError(JournalError):
    """Another process uses the data directory."""


class JournalClosedError(Exception):
    """The journal takes nothing any more: it was closed, or it failed. Nothing was decided."""


class JournalFullError(Exception):
    """The journal takes nothing now; the message says why."""

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds
