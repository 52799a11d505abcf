"""The library's public surface."""

import types

import newstally
from newstally import NewstallyError, PermanentError, TransientError


def test_all_is_what_is_exported() -> None:
    """`__all__` names every public thing of the package, and nothing else."""
    public = {
        name
        for name, value in vars(newstally).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(newstally.__all__)
    assert newstally.__all__ == sorted(newstally.__all__)


def test_every_error_is_transient_or_permanent() -> None:
    """Each exception belongs to exactly one of the two groups."""
    exceptions = [
        value
        for value in vars(newstally).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert NewstallyError in exceptions
    assert len(exceptions) > 10
    for kind in exceptions:
        assert issubclass(kind, NewstallyError)
        if kind is not NewstallyError:
            assert issubclass(kind, TransientError) != issubclass(kind, PermanentError)
