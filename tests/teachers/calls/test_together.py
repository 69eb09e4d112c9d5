from __future__ import annotations

import asyncio

import pytest

from teachers.calls.together import together
from tests.teachers.calls.virtual_time import run_virtually

ENDED: list[str] = []


async def ask(name: str, seconds: float, fails: bool = False) -> str:
    await asyncio.sleep(seconds)
    ENDED.append(name)
    if fails:
        raise ValueError(name)
    return name


@pytest.fixture(autouse=True)
def none_ended() -> None:
    ENDED.clear()


def test_all_are_awaited_at_once_and_answered_in_their_order() -> None:
    async def work() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        return await together([ask("slow", 3), ask("quick", 1), ask("middle", 2)]), loop.time() - begin

    assert run_virtually(work()) == (["slow", "quick", "middle"], 3.0)
    assert ENDED == ["quick", "middle", "slow"]


def test_an_error_waits_for_the_others_and_the_first_in_order_is_raised() -> None:
    with pytest.raises(ValueError, match="second"):
        run_virtually(together([ask("first", 3), ask("second", 2, fails=True), ask("third", 1, fails=True)]))
    assert ENDED == ["third", "second", "first"]


def test_one_alone_is_awaited_as_it_is_and_none_give_nothing() -> None:
    assert run_virtually(together([ask("only", 1)])) == ["only"]
    with pytest.raises(ValueError, match="only"):
        run_virtually(together([ask("only", 1, fails=True)]))
    assert run_virtually(together([])) == []
