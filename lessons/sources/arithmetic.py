"""Additions made on the spot: prompts without a file, a network or a licence, for the quickstart and for tests."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Literal

from lessons.errors import ConfigError
from lessons.records import Message, Prompt
from lessons.sources.base import PromptSource

__all__ = ["ArithmeticSource"]

EXAM_SHARE = 5
"""One question in this many belongs to the exam."""


class ArithmeticSource(PromptSource):
    """Distinct additions of two whole numbers, such as "347+589=?".

    Training and exam questions come from two halves of one partition of all questions, so they never meet whatever the
    seeds and sizes are. Topic: the number of digits. Difficulty: digits plus carries, so 99+1 is harder than 31+5.

    Args:
        size: How many prompts.
        part: Which side of the partition to draw from.
        digits: The largest number of digits of an addend; all lengths from `fewest_digits` on are equally likely.
        fewest_digits: The smallest number of digits of the longer addend.
        seed: Another seed draws other questions from the same side.
    """

    def __init__(
        self,
        size: int,
        part: Literal["training", "exam"] = "training",
        digits: int = 3,
        fewest_digits: int = 1,
        seed: int = 0,
    ) -> None:
        self.size = size
        self.part = part
        self.digits = digits
        self.fewest_digits = fewest_digits
        self.seed = seed

    def prompts(self) -> Iterator[Prompt]:
        """Yield the prompts in order.

        Raises:
            ConfigError: The numbers make no sense, or there are not that many different questions.
        """
        if self.size < 1 or not 1 <= self.fewest_digits <= self.digits <= 9:
            raise ConfigError(
                f"ArithmeticSource got size={self.size}, fewest_digits={self.fewest_digits}, digits={self.digits}; "
                "allowed are size >= 1 and 1 <= fewest_digits <= digits <= 9. Correct the source's init_args."
            )
        draw = random.Random(self.seed)
        seen: set[tuple[int, int]] = set()
        misses = 0
        while len(seen) < self.size:
            pair = self.draw(draw)
            if pair in seen or belongs_to(pair) != self.part:
                misses += 1
                if misses > 1_000 * self.size:
                    raise ConfigError(
                        f"ArithmeticSource found only {len(seen)} different {self.part} questions of "
                        f"{self.fewest_digits} to {self.digits} digits, but size={self.size} was asked for. "
                        "Lower `size` or raise `digits`."
                    )
                continue
            seen.add(pair)
            yield addition(*pair)

    def draw(self, draw: random.Random) -> tuple[int, int]:
        """Draw two addends, the longer one with a uniformly chosen number of digits."""
        digits = draw.randint(self.fewest_digits, self.digits)
        longer = draw.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)
        other = draw.randrange(10**digits)
        return (longer, other) if draw.random() < 0.5 else (other, longer)


def addition(a: int, b: int) -> Prompt:
    """Make the prompt for a + b."""
    digits = len(str(max(a, b)))
    return Prompt(
        id=f"{a}+{b}",
        messages=(Message("user", f"{a}+{b}=?"),),
        reference=str(a + b),
        topic=f"{digits} digit" + "s" * (digits > 1),
        difficulty=float(digits + carries(a, b)),
        metadata={"carries": carries(a, b)},
    )


def carries(a: int, b: int) -> int:
    """Count the carries of a column addition.

    >>> carries(99, 1), carries(31, 5)
    (2, 0)
    """
    count = carry = 0
    while a or b:
        carry = int(a % 10 + b % 10 + carry > 9)
        count += carry
        a, b = a // 10, b // 10
    return count


def belongs_to(pair: tuple[int, int]) -> Literal["training", "exam"]:
    """Say on which side of the fixed partition a question lies; a + b and b + a lie on the same."""
    digest = hashlib.sha256(f"{min(pair)}+{max(pair)}".encode()).digest()
    return "exam" if digest[0] % EXAM_SHARE == 0 else "training"
