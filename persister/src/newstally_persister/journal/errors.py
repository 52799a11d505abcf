"""What can be wrong with a journal. Each message says what happened and what to do."""


class JournalError(Exception):
    """The journal cannot be used; fatal for the process."""


class CorruptJournalError(JournalError):
    """What was read is not what was written."""


class JournalVersionError(JournalError):
    """The journal was written by a newer release."""


class JournalLockedError(JournalError):
    """Another process uses the data directory."""
