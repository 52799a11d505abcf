"""Arrays that grow at their end."""

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


class Growing(Generic[Scalar]):
    """Rows of one shape, appended; reading them costs nothing."""

    def __init__(self, dtype: type[Scalar], *shape: int) -> None:
        self._rows: npt.NDArray[Scalar] = np.zeros((1024, *shape), dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def rows(self) -> npt.NDArray[Scalar]:
        """What was appended: a view, valid until the next change."""
        return self._rows[: self._length]

    def extend(self, rows: npt.NDArray[Scalar]) -> None:
        """Append rows."""
        end = self._length + len(rows)
        if end > len(self._rows):
            grown = np.zeros(
                (max(end, 2 * len(self._rows)), *self._rows.shape[1:]), self._rows.dtype
            )
            grown[: self._length] = self.rows
            self._rows = grown
        self._rows[self._length : end] = rows
        self._length = end

    def clear(self) -> None:
        """Forget all rows, and give back their memory."""
        self._rows = np.zeros((1024, *self._rows.shape[1:]), self._rows.dtype)
        self._length = 0
