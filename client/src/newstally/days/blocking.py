"""Asks for tallies by day, for programs without asyncio."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from newstally.days.questions import Questions

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Call(Protocol):
    """Runs a coroutine to its end elsewhere, and returns what it returns."""

    def __call__(self, call: Coroutine[Any, Any, Answer], /) -> Answer:
        """Block until it is done."""
        ...


class SyncQuestions:
    """`Questions` with methods that block; `SyncNewstallyClient.questions` has one."""

    def __init__(self, questions: Questions, call: Call) -> None:
        self.ranking = _blocking(questions.ranking, call)
        self.rising = _blocking(questions.rising, call)
        self.history = _blocking(questions.history, call)
        self.publications = _blocking(questions.publications, call)
        self.find = _blocking(questions.find, call)


def _blocking(
    method: Callable[Arguments, Coroutine[Any, Any, Answer]], call: Call
) -> Callable[Arguments, Answer]:
    @wraps(method)
    def ask(*args: Arguments.args, **named: Arguments.kwargs) -> Answer:
        return call(method(*args, **named))

    return ask
