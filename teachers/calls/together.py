"""Waiting for several things that are paid for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

__all__ = ["together"]

Result = TypeVar("Result")


async def together(asks: Sequence[Awaitable[Result]]) -> list[Result]:
    """Await several asks at once; an error is raised only when all have ended, so that no paid reply is dropped."""
    if len(asks) == 1:
        return [await asks[0]]
    results = await asyncio.gather(*asks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
