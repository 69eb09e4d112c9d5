"""The bill: every call that was charged, in exact fractions of a dollar, also those whose reply was then lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

__all__ = ["Bill", "Charge", "Prices"]


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars per million tokens, written as decimal numbers ("0.15")."""

    input: str = "1"
    output: str = "2"
    cached_input: str | None = None
    """None: as other input."""
    cache_write: str | None = None
    batch_share: str = "0.5"

    def dollars(self, fresh: int, cached: int, cache_written: int, output: int, batch: bool) -> Fraction:
        plain = Fraction(self.input)
        million_dollars = (
            fresh * plain
            + cached * (plain if self.cached_input is None else Fraction(self.cached_input))
            + cache_written * (plain if self.cache_write is None else Fraction(self.cache_write))
            + output * Fraction(self.output)
        )
        return million_dollars * (Fraction(self.batch_share) if batch else 1) / 1_000_000


@dataclass(frozen=True, slots=True)
class Charge:
    """One call that was charged."""

    key: str
    """Everything that decides the reply: path, texts, seed, temperature."""
    question: str
    dollars: Fraction
    input_tokens: int
    """Tokens read, those of the cache included."""
    output_tokens: int
    batch: str | None = None
    """The batch it was part of; None for a live call."""
    lost: bool = False
    """Whether the reply was charged and then lost on its way, by a fault."""


@dataclass
class Bill:
    """All charges, in the order they were made."""

    prices: Prices = field(default_factory=Prices)
    charges: list[Charge] = field(default_factory=list)

    @property
    def dollars(self) -> Fraction:
        return sum((charge.dollars for charge in self.charges), Fraction(0))

    @property
    def delivered_dollars(self) -> Fraction:
        return sum((charge.dollars for charge in self.charges if not charge.lost), Fraction(0))

    @property
    def lost(self) -> list[Charge]:
        return [charge for charge in self.charges if charge.lost]

    def times_delivered(self) -> Counter[str]:
        """How often the reply to each key was charged and sent whole."""
        return Counter(charge.key for charge in self.charges if not charge.lost)

    def summary(self) -> dict[str, Any]:
        """Figures that fit into JSON."""
        return {"charges": len(self.charges), "lost": len(self.lost), "dollars": str(self.dollars)}
