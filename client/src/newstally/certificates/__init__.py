"""Certificates for an installation that has no other authority: `newstally cert`, `up --secure`.

Needs the extra `cert`, for the library `cryptography`.
"""

from newstally.errors import InputError


def check_installed() -> None:
    """Raise InputError where the library is missing."""
    try:
        import cryptography  # noqa: F401, PLC0415
    except ImportError as error:
        raise InputError(
            "this needs the Python package cryptography: `pip install cryptography`"
        ) from error
