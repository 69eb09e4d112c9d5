"""A hard cap: every call reserves its worst case before it is sent and is settled by what it really took."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lessons.errors import BudgetExceeded, ConfigError, UnknownPrice
from teachers.calls.pricing import Price
from teachers.exchange import Completion, Request

__all__ = ["Account", "Budget", "Cost", "actual", "most_tokens", "worst_case"]

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


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls take: dollars, calls and tokens together."""

    dollars: float = 0.0
    calls: int = 0
    tokens: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.dollars + other.dollars, self.calls + other.calls, self.tokens + other.tokens)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.dollars - other.dollars, self.calls - other.calls, self.tokens - other.tokens)


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


def actual(completion: Completion, price: Price | None, worst: Cost) -> Cost:
    """Return what a call took; where the provider does not report tokens, the worst case."""
    if completion.input_tokens is None or completion.output_tokens is None:
        return worst
    tokens = completion.input_tokens + completion.output_tokens
    if price is None:
        return Cost(0.0, 1, tokens)
    cached, written = completion.cached_input_tokens, completion.cache_write_tokens
    return Cost(price.cost(completion.input_tokens, completion.output_tokens, cached, written), 1, tokens)


class Account:
    """Keeps one run within its budget, however many calls are in flight. Used from one event loop.

    Args:
        budget: The caps.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.capped = any(cap is not None for cap in (budget.dollars, budget.calls, budget.tokens))
        self.spent = Cost()
        """Settled calls, and lost ones at their worst case."""
        self.reserved = Cost()
        """Worst cases of the calls in flight."""
        self.freed = asyncio.Event()

    async def reserve(self, worst: Cost) -> None:
        """Set aside the worst case of a call, waiting for calls in flight to settle if it does not fit yet.

        Raises:
            BudgetExceeded: It does not fit even when all others have settled.
        """
        while self.capped and not self.fits(self.spent + self.reserved + worst):
            if not self.fits(self.spent + worst) or not self.reserved.calls:
                raise BudgetExceeded(self.refusal(worst))
            self.freed.clear()
            await self.freed.wait()
        self.reserved += worst

    def set_aside(self, worst: Cost) -> None:
        """Reserve what an earlier run has ordered already: it cannot be refused any more, only count."""
        self.reserved += worst

    def settle(self, worst: Cost, taken: Cost) -> None:
        """Replace a reservation by what the call took."""
        self.reserved -= worst
        if not self.reserved.calls:
            self.reserved = Cost()  # what adding and subtracting left over in the last binary digit
        self.spent += taken
        self.freed.set()

    def fits(self, total: Cost) -> bool:
        """Whether a total stays within every cap."""
        caps = self.budget
        return (
            (caps.dollars is None or total.dollars <= caps.dollars + 1e-12)  # sums of floats; a trillionth of a dollar
            and (caps.calls is None or total.calls <= caps.calls)
            and (caps.tokens is None or total.tokens <= caps.tokens)
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
