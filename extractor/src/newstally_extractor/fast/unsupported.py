"""Why a pipeline is not one of those that the fast path knows."""


class Unsupported(Exception):  # noqa: N818 - a verdict about a pipeline, not a fault
    """The pipeline computes its entities in a way that the fast path does not reproduce."""

    def __init__(self, reason: str) -> None:
        """Say what is different, as a clause: "its tok2vec is a BiLSTM"."""
        super().__init__(reason)
        self.reason = reason
