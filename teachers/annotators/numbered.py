"""Numbered lists: reading them from a reply, and cutting any solution into steps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lessons.answers import split_answer
from teachers.annotators.asking import ParseProblem

__all__ = ["numbered", "numbered_list", "steps_of"]

ITEM = re.compile(
    r"^[ \t]*(?:[#>*-]+[ \t]*)?[*_]{0,3}(?:step[ \t]+)?(?P<number>\d{1,3})[*_]{0,3}[.):][*_]{0,3}(?:[ \t]+|$)"
    r"(?P<text>.*)$",
    re.IGNORECASE | re.MULTILINE,
)


def numbered_list(text: str) -> list[str]:
    """Read a list whose items start lines with 1, 2, 3 and so on; lines in between go on with the item.

    A line that starts with a number out of turn belongs to the item before it ("12. May" inside item 3).

    >>> numbered_list("1. Add 2 and 2.\\n2) That\\nis 4.")
    ['Add 2 and 2.', 'That\\nis 4.']

    Raises:
        ParseProblem: There is text before item 1, no item 1, or an empty item.
    """
    items: list[str] = []
    starts = [0]
    ends: list[int] = []
    for found in ITEM.finditer(text):
        if int(found["number"]) == len(ends) + 1:
            starts.append(found.start("text"))
            ends.append(found.start())
    if not ends:
        raise ParseProblem('no numbered list that starts with "1."')
    if before := text[: ends[0]].strip():
        raise ParseProblem(f"text before the numbered list: {before[:40]!r}")
    for start, end in zip(starts[1:], [*ends[1:], len(text)], strict=True):
        items.append(text[start:end].strip())
        if not items[-1]:
            raise ParseProblem(f"item {len(items)} of the list is empty")
    return items


def numbered(items: Sequence[str]) -> str:
    """Write a numbered list.

    >>> numbered(["Add.", "Carry."])
    '1. Add.\\n2. Carry.'
    """
    return "\n".join(f"{number}. {item}" for number, item in enumerate(items, 1))


def steps_of(solution: str) -> list[str]:
    """Cut a solution into steps: the items of its numbered list, else its lines; an answer line is a step of its own.

    >>> steps_of("7+5=12\\n\\nso 12")
    ['7+5=12', 'so 12']
    >>> steps_of("1. 7+5=12\\nAnswer: 12")
    ['7+5=12', 'Answer: 12']
    """
    reasoning, answer = split_answer(solution)
    try:
        steps = numbered_list(reasoning)
    except ParseProblem:
        steps = [line.strip() for line in reasoning.split("\n") if line.strip()]
    return steps if answer is None else [*steps, f"Answer: {answer}"]
