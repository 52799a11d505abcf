"""Which replicas there are."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from newstally_gateway.replicas.discovery import Discovery, Roster, lookup
from newstally_gateway.replicas.targets import parse_targets

NAME = "dns:///extractor:7"
Answer = frozenset[str] | Exception


def test_the_roster_is_the_static_ones_and_the_last_answers() -> None:
    """A new answer replaces the old one; an empty one changes nothing."""
    static, name = parse_targets(f"a:1,{NAME}")
    roster = Roster([static, name])
    assert roster.addresses == {"a:1"}
    roster.answer(name, frozenset({"10.0.0.1:7", "10.0.0.2:7"}))
    roster.answer(name, frozenset({"10.0.0.2:7", "10.0.0.3:7"}))
    roster.answer(name, frozenset())
    assert roster.addresses == {"a:1", "10.0.0.2:7", "10.0.0.3:7"}


async def follow(targets: str, answers: list[Answer]) -> list[set[str]]:
    """Return what discovery tells while a name gives these answers, one per look-up."""
    told: list[set[str]] = []
    all_asked = asyncio.Event()
    left = iter(answers)

    async def resolve(host: str, port: int) -> frozenset[str]:
        answer = next(left, None)
        if answer is None:
            all_asked.set()
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer

    discovery = Discovery(
        parse_targets(targets), 0.0, lambda addresses: told.append(set(addresses)), resolve
    )
    running = asyncio.create_task(discovery.run())
    async with asyncio.timeout(60):
        await all_asked.wait()
    running.cancel()
    await asyncio.wait({running})
    return told


async def test_only_changes_are_told() -> None:
    """Added and removed replicas; the same answer again is no news."""
    one, two = frozenset({"10.0.0.1:7"}), frozenset({"10.0.0.1:7", "10.0.0.2:7"})
    assert await follow(NAME, [one, one, two, two, one]) == [one, two, one]


@pytest.mark.parametrize(
    "trouble", [frozenset(), OSError("no such name"), TimeoutError(), UnicodeError("label")]
)
async def test_an_empty_or_failed_answer_changes_nothing(trouble: Answer) -> None:
    """A DNS that hiccups must not cut the links to replicas that work."""
    one, two = frozenset({"10.0.0.1:7"}), frozenset({"10.0.0.2:7"})
    assert await follow(NAME, [one, trouble, two]) == [one, two]


async def test_a_static_list_is_told_once_and_needs_no_look_up() -> None:
    """Discovery is done at once when there is no name to follow."""
    told: list[frozenset[str]] = []

    async def never(host: str, port: int) -> frozenset[str]:
        raise AssertionError

    async with asyncio.timeout(60):
        await Discovery(parse_targets("a:1,b:2"), 1.0, told.append, never).run()
    assert told == [{"a:1", "b:2"}]


async def test_the_systems_resolver_gives_addresses_with_the_port() -> None:
    """An IPv4 address stands for itself."""
    resolve: Callable[[str, int], Awaitable[frozenset[str]]] = lookup
    assert await resolve("127.0.0.1", 50052) == {"127.0.0.1:50052"}
