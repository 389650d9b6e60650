"""So many at once, in order; who only waits makes room, and who goes away takes nobody's turn."""

from __future__ import annotations

import asyncio

import pytest

from core.engine.processing.fair_turns import FairTurns


async def test_no_more_than_so_many_at_once_first_come_first_served() -> None:
    turns = FairTurns(at_once=2, longest=60)
    running = most = 0
    order: list[int] = []

    async def work(number: int) -> None:
        nonlocal running, most
        async with turns.one():
            order.append(number)
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

    await asyncio.gather(*(work(number) for number in range(20)))
    assert most == 2
    assert order == list(range(20))


async def test_who_only_waits_makes_room_for_the_next() -> None:
    turns = FairTurns(at_once=1, longest=0.02)
    answered = asyncio.Event()
    reached = asyncio.Event()

    async def waits_for_a_vendor() -> None:
        async with turns.one():
            await answered.wait()

    async def follows() -> None:
        async with turns.one():
            reached.set()

    slow = asyncio.create_task(waits_for_a_vendor())
    following = asyncio.create_task(follows())
    async with asyncio.timeout(5):
        await reached.wait()
        await following
    answered.set()
    await slow
    # The turn that was given back early is not given back once more at the end.
    assert await most_at_once(turns) == 1


async def test_who_is_cancelled_takes_nobodys_turn() -> None:
    turns = FairTurns(at_once=1, longest=60)

    async def never() -> None:
        async with turns.one():
            raise AssertionError("it was cancelled")

    async with turns.one():
        waits, just_called = asyncio.create_task(never()), asyncio.create_task(never())
        await asyncio.sleep(0)
        waits.cancel()
    # It has just become his turn, and he is cancelled before he can take it.
    just_called.cancel()
    await asyncio.gather(waits, just_called, return_exceptions=True)
    assert waits.cancelled()
    assert just_called.cancelled()
    async with asyncio.timeout(5):
        assert await most_at_once(turns) == 1


async def test_an_error_gives_the_turn_back() -> None:
    turns = FairTurns(at_once=1, longest=60)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with turns.one():
                raise ValueError("broken")
    async with asyncio.timeout(5):
        assert await most_at_once(turns) == 1


async def most_at_once(turns: FairTurns) -> int:
    """How many get in together now."""
    running = most = 0

    async def work() -> None:
        nonlocal running, most
        async with turns.one():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

    await asyncio.gather(*(work() for _ in range(5)))
    return most
