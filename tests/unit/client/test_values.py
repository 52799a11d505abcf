"""What counts as missing in a field."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from newstally.values import present


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), Decimal("nan"), np.float64("nan"), pd.NA, pd.NaT, "nan", "NaN", "<NA>"],
)
def test_what_is_missing_is_empty(value: object) -> None:
    """Also to pandas, whose NA is neither like itself nor unlike."""
    assert present(value) == ""


@pytest.mark.parametrize(
    "value", ["", "x", 0, False, True, np.False_, np.float64(1), [], [float("nan")], {}]
)
def test_what_is_there_is_itself(value: object) -> None:
    """Whether it can be a field or not."""
    assert present(value) is value


@pytest.mark.parametrize(
    "value",
    [
        np.array([]),
        np.array([np.nan]),
        np.array([1, 2]),
        pd.Series([1, 2]),
        pd.DataFrame({"a": [1]}),
    ],
)
def test_an_array_is_there(value: object) -> None:
    """Whatever is in it: no field, and no reason to end an upload."""
    assert present(value) is value
