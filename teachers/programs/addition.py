"""A teacher of column addition: worked solutions, difficulty labels and critiques, written by a program.

It slips on purpose: in one answer of twenty it forgets a carry, so that the first course a user runs shows what a real
teacher makes necessary: grading every rationale, asking again, and not training on what stays wrong.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from lessons.sources.arithmetic import carries

if TYPE_CHECKING:
    from teachers.exchange import Request

__all__ = ["answer"]

SLIPS_ONE_IN = 20
QUESTION = re.compile(r"(\d+)\+(\d+)=\?")
GIVEN = re.compile(r"\bAnswer: *(\d+)")


def answer(request: Request) -> str:
    """Answer a request about an addition: a worked solution, or a difficulty or critique where that is asked for.

    The same request and sample number always get the same answer.
    """
    text = request.messages[-1].content
    found = QUESTION.search(text)
    if found is None:
        return "I can only add two whole numbers, as in 12+34=?"
    a, b = int(found[1]), int(found[2])
    if "Difficulty:" in text:
        return f"{effort(a, b)} things to keep in mind.\nDifficulty: {min(10, effort(a, b))}"
    if "Verdict:" in text:
        return critique(a, b, text)
    digest = hashlib.sha256(f"{a}+{b}#{request.sample}".encode()).digest()
    return worked_solution(a, b, slip=digest[0] * 256 + digest[1] < 65_536 // SLIPS_ONE_IN)


def worked_solution(a: int, b: int, slip: bool = False) -> str:
    """Write the addition out column by column, last digits first.

    The addends are repeated in reverse, which is what lets a small model line the columns up; then each column is
    "digit+digit+carry=sum". With `slip` the first carry is forgotten.

    >>> print(worked_solution(47, 85))
    74 58 7+5+0=12 4+8+1=13
    Answer: 132
    """
    width = max(len(str(a)), len(str(b)))
    columns, digits, carry = [], "", 0
    for place in range(width):
        x, y = a // 10**place % 10, b // 10**place % 10
        total = x + y + carry
        columns.append(f"{x}+{y}+{carry}={total}")
        digits = str(total % 10) + digits
        carry = total // 10
        if slip and carry:
            carry, slip = 0, False
    result = int(str(carry or "") + digits)
    return f"{str(a)[::-1]} {str(b)[::-1]} {' '.join(columns)}\nAnswer: {result}"


def critique(a: int, b: int, text: str) -> str:
    """Judge the sum that a text gives as its answer; in one attempt of twenty the judgement is the wrong way round."""
    given = GIVEN.findall(text)
    right = bool(given) and int(given[-1]) == a + b
    if hashlib.sha256(f"{a}+{b}={given[-1:]}".encode()).digest()[0] < 256 // SLIPS_ONE_IN:
        right = not right
    if right:
        return "The columns are added one by one and every carry is taken along.\nVerdict: correct"
    return (
        "A carry is forgotten, or a column is added wrongly.\n"
        f"First wrong step: 1\nCorrected answer: {a + b}\nVerdict: incorrect"
    )


def effort(a: int, b: int) -> int:
    """Count what has to be kept in mind: the columns and the carries."""
    return len(str(max(a, b))) + carries(a, b)
