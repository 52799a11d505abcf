"""Cloud Firestore's answers."""

from typing import Any, NoReturn

from newstally_persister.sinks.questions.asked import UnansweredError


class FirestoreQuestions:
    """Questions to a Firestore database; see `asked.Questions`. None is answered yet."""

    async def rank(self, *_: Any) -> NoReturn:
        """See Questions.rank."""
        raise _unanswered()

    async def rising(self, *_: Any) -> NoReturn:
        """See Questions.rising."""
        raise _unanswered()

    async def history(self, *_: Any) -> NoReturn:
        """See Questions.history."""
        raise _unanswered()

    async def publications(self, *_: Any) -> NoReturn:
        """See Questions.publications."""
        raise _unanswered()

    async def find(self, *_: Any) -> NoReturn:
        """See Questions.find."""
        raise _unanswered()


def _unanswered() -> UnansweredError:
    return UnansweredError("the Firestore sink keeps no days: use the SQLite sink for this")
