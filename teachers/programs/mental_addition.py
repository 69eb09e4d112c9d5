"""A teacher that adds in its head, now this way and now that, as a model does that is asked several times.

It starts with either number and adds the other's hundreds, tens and ones in turn, or to a round number first. In one
answer of twenty it is one off, so that several samples of a question hold right and wrong ones.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teachers.exchange import Request

__all__ = ["answer", "solution"]

SLIPS_ONE_IN = 20
QUESTION = re.compile(r"(\d+)\+(\d+)=\?")


def answer(request: Request) -> str:
    """Answer a request about an addition in a way that depends on the sample.

    The same request and sample number always get the same answer.
    """
    found = QUESTION.search(request.messages[-1].content)
    if found is None:
        return "I can only add two whole numbers, as in 12+34=?"
    a, b = int(found[1]), int(found[2])
    drawn = hashlib.sha256(f"{a}+{b}#{request.sample}".encode()).digest()
    if drawn[0] % 2:
        a, b = b, a
    return solution(a, b, to_round=bool(drawn[1] % 2), slip=drawn[2] * 256 + drawn[3] < 65_536 // SLIPS_ONE_IN)


def solution(a: int, b: int, to_round: bool = False, slip: bool = False) -> str:
    """Write down what is added to a, step by step.

    >>> print(solution(47, 85))
    47+80=127
    127+5=132
    Answer: 132
    >>> print(solution(47, 85, to_round=True))
    47+3=50
    50+82=132
    Answer: 132
    """
    steps = rounding(a, b) if to_round else places(b)
    written, sum_so_far = [], a
    for step in steps:
        written.append(f"{sum_so_far}+{step}={sum_so_far + step}")
        sum_so_far += step
    return "\n".join([*written, f"Answer: {sum_so_far + slip}"])


def places(number: int) -> list[int]:
    """Return what the digits stand for, the highest first; 0 by itself.

    >>> places(305)
    [300, 5]
    """
    text = str(number)
    return [int(digit) * 10 ** (len(text) - k) for k, digit in enumerate(text, start=1) if digit != "0"] or [0]


def rounding(a: int, b: int) -> list[int]:
    """Return what leads from a to the next ten, and the rest of b; b by itself where it does not reach there.

    >>> rounding(47, 85), rounding(40, 85), rounding(41, 5)
    ([3, 82], [85], [5])
    """
    gap = -a % 10
    return [gap, b - gap] if 0 < gap < b else [b]
