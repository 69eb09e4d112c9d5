"""Replies in sections: "Name: text", one after another, each from the start of a line."""

from __future__ import annotations

import re
from functools import cache

from teachers.annotators.asking import ParseProblem

__all__ = ["sections"]


def sections(text: str, *names: str) -> list[str]:
    """Read the sections of these names, which stand in this order, once each, with nothing before the first.

    >>> sections("Understanding: two numbers\\nPlan:\\n1. Add them.", "Understanding", "Plan")
    ['two numbers', '1. Add them.']

    Raises:
        ParseProblem: A section is missing, comes twice, out of order or empty, or there is text before the first.
    """
    marks = list(marks_of(names).finditer(text))
    found = [mark["name"].casefold() for mark in marks]
    for name in names:
        if found.count(name.casefold()) != 1:
            times = found.count(name.casefold())
            raise ParseProblem(
                f'{times} sections "{name}: ..." where there must be one' if times else f'no "{name}: ..."'
            )
    if found != [name.casefold() for name in names]:
        raise ParseProblem(f"the sections do not stand in the order {', '.join(names)}")
    if before := text[: marks[0].start()].strip():
        raise ParseProblem(f'there is text before "{names[0]}:": {before[:40]!r}')
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    bodies = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    for name, body in zip(names, bodies, strict=True):
        if not body:
            raise ParseProblem(f'nothing follows "{name}:"')
    return bodies


@cache
def marks_of(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return what the start of a section looks like, emphasised or not."""
    either = "|".join(re.escape(name) for name in names)
    return re.compile(
        rf"^[ \t]*(?:#{{1,4}}[ \t]*)?[*_]{{0,3}}(?P<name>{either})(?:[*_]{{1,3}}[ \t]*:|[ \t]*:[*_]{{1,3}}|[ \t]*:)",
        re.I | re.M,
    )
