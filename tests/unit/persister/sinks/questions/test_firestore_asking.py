"""Several reads of one question."""

import asyncio
import gc
import warnings

import pytest
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.questions.firestore_asking import ask_each


async def test_answers_come_in_the_order_of_what_was_asked() -> None:
    """Some are asked at a time, and never more."""
    under_way = most = 0

    async def ask(number: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(50 - number):
            await asyncio.sleep(0)
        under_way -= 1
        return -number

    assert await ask_each(range(50), ask) == [-number for number in range(50)]
    assert most == 8


async def test_the_first_that_fails_ends_the_others() -> None:
    """Its error comes out as it is, and no call is left that nobody awaits."""
    asked = []

    async def ask(number: int) -> None:
        asked.append(number)
        await asyncio.sleep(0)
        if number == 1:
            raise SinkError("no")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SinkError, match="no"):
            await ask_each(range(50), ask)
        gc.collect()
    assert len(asked) < 50
