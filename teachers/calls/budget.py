"""A hard cap: every call reserves its worst case before it is sent and is settled by what it really took."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from lessons.errors import BudgetExceeded, ConfigError, UnknownPrice
from teachers.calls.pricing import Price
from teachers.exchange import Request

__all__ = ["Account", "Budget", "Cost", "most_tokens", "worst_case"]

TOKENS_PER_MESSAGE = 32  # role marks and separators of any chat template, rounded up
TOKENS_PER_REQUEST = 64  # what providers add to every conversation, rounded up
TOKENS_PER_SCHEMA = 1_024  # the instructions that providers add about tools and forms of answers, rounded up


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may take at most. Replies that are in the ledger already cost nothing.

    Args:
        dollars: US dollars; None for no cap. Refused when the teacher's price is not known.
        calls: Calls sent, retries included; None for no cap.
        tokens: Tokens read and written; None for no cap.
    """

    dollars: float | None = None
    calls: int | None = None
    tokens: int | None = None

    def check(self, price: Price | None, model: str) -> None:
        """Refuse a cap that cannot be held, before anything is sent.

        Raises:
            ConfigError: A cap is negative.
            UnknownPrice: A dollar cap for a model without a known price.
        """
        for name, value in (("dollars", self.dollars), ("calls", self.calls), ("tokens", self.tokens)):
            if value is not None and not value >= 0:
                raise ConfigError(f"Budget {name} must be 0 or more, got {value}. Leave it out for no cap.")
        if self.dollars is not None and price is None:
            raise UnknownPrice(
                f"The budget is ${self.dollars:g}, but the price of {model!r} is not known (another model's or another "
                "address's is never taken for it). Give the backend input_price and output_price (dollars per million "
                "tokens), or drop the dollar limit."
            )


class Cost(NamedTuple):
    """What calls take: dollars, calls and tokens together."""

    dollars: float = 0.0
    calls: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Sum:
    """What several calls take together."""

    dollars: float = 0.0
    calls: int = 0
    tokens: int = 0

    def add(self, cost: Cost) -> None:
        """Count what a call takes."""
        self.dollars += cost.dollars
        self.calls += cost.calls
        self.tokens += cost.tokens

    def subtract(self, cost: Cost) -> None:
        """Take back what was counted; nothing is left over in the last binary digit once no call is."""
        self.calls -= cost.calls
        self.dollars = self.dollars - cost.dollars if self.calls else 0.0
        self.tokens = self.tokens - cost.tokens if self.calls else 0


def most_tokens(request: Request, samples: int = 1) -> tuple[int, int]:
    """Return the most tokens one call can read and write: a token is at least one byte, answers as long as allowed."""
    size = sum(len(message.content.encode("utf-8", "surrogatepass")) for message in request.messages)
    if request.schema is not None:
        size += len(repr(request.schema).encode("utf-8", "surrogatepass")) + TOKENS_PER_SCHEMA
    if request.continuation is not None:
        size += len(request.continuation.encode("utf-8", "surrogatepass"))
    read = size + TOKENS_PER_MESSAGE * len(request.messages) + TOKENS_PER_REQUEST
    return read, samples * request.sampling.max_output_tokens


def worst_case(request: Request, price: Price | None, samples: int = 1) -> Cost:
    """Return the most that one call can take, for one answer or several samples of it."""
    read, written = most_tokens(request, samples)
    return Cost(price.most(read, written) if price else 0.0, 1, read + written)


class Account:
    """Keeps one run within its budget, however many calls are in flight. Used from one event loop.

    Args:
        budget: The caps.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.capped = any(cap is not None for cap in (budget.dollars, budget.calls, budget.tokens))
        self.spent = Sum()
        """Settled calls, and lost ones at their worst case."""
        self.reserved = Sum()
        """Worst cases of the calls in flight."""
        self.freed = asyncio.Event()

    async def reserve(self, worst: Cost) -> None:
        """Set aside the worst case of a call, waiting for calls in flight to settle if it does not fit yet.

        Raises:
            BudgetExceeded: It does not fit even when all others have settled.
        """
        while self.capped and not self.fits(worst, self.spent, self.reserved):
            if not self.fits(worst, self.spent) or not self.reserved.calls:
                raise BudgetExceeded(self.refusal(worst))
            self.freed.clear()
            await self.freed.wait()
        self.reserved.add(worst)

    def set_aside(self, worst: Cost) -> None:
        """Reserve what an earlier run has ordered already: it cannot be refused any more, only count."""
        self.reserved.add(worst)

    def settle(self, worst: Cost, taken: Cost) -> None:
        """Replace a reservation by what the call took."""
        self.reserved.subtract(worst)
        self.spent.add(taken)
        self.freed.set()

    def fits(self, worst: Cost, *sums: Sum) -> bool:
        """Whether a call stays within every cap, beside what is counted already."""
        caps = self.budget
        dollars = worst.dollars + sum(one.dollars for one in sums)
        return (
            (caps.dollars is None or dollars <= caps.dollars + 1e-12)  # sums of floats; a trillionth of a dollar
            and (caps.calls is None or worst.calls + sum(one.calls for one in sums) <= caps.calls)
            and (caps.tokens is None or worst.tokens + sum(one.tokens for one in sums) <= caps.tokens)
        )

    def refusal(self, worst: Cost) -> str:
        """Say which cap stopped the run, and what to do."""
        caps, spent = self.budget, self.spent
        parts = [
            f"{name}: {taken:.6g} spent, the next call may take up to {most:.6g}, the cap is {cap:.6g}"
            for name, cap, taken, most in (
                ("dollars", caps.dollars, spent.dollars, worst.dollars),
                ("calls", caps.calls, spent.calls, worst.calls),
                ("tokens", caps.tokens, spent.tokens, worst.tokens),
            )
            if cap is not None and taken + most > cap
        ]
        return (
            f"Stopped by the budget ({'; '.join(parts)}). Every reply is saved in the ledger. Raise the budget "
            "and run the same command again: nothing is paid twice."
        )
