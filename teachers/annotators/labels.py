"""Labels: what a reply says on its last line of the form "Name: label", as even small models manage to write it."""

from __future__ import annotations

import re
from functools import cache

from teachers.annotators.asking import ParseProblem

__all__ = ["choice_label", "last_label", "number_label"]

SHOWN = 40
WHOLE = re.compile(r"(?P<number>\d{1,6})(?:\.0{1,6})?(?:[ \t]*(?:/|out of)[ \t]*(?P<of>\d{1,6}))?")


def last_label(text: str, name: str) -> tuple[str, str]:
    """Split a reply at its last line "Name: label" into the text before it and the label, without emphasis.

    >>> last_label("Two steps.\\n**Difficulty:** 4.", "Difficulty")
    ('Two steps.', '4')

    Raises:
        ParseProblem: There is no such line, or nothing follows the colon.
    """
    lines = list(line_of(name).finditer(text))
    if not lines:
        raise ParseProblem(f'no line "{name}: ..."')
    label = lines[-1]["label"].strip(" \t\r*_`").removesuffix(".").rstrip()
    if not label:
        raise ParseProblem(f'nothing follows "{name}:"')
    return text[: lines[-1].start()].strip(), label


def number_label(text: str, name: str, lowest: int, highest: int) -> tuple[str, int]:
    """Read a last line "Name: N", where N is a whole number (also written "4/10" or "4.0"); return text and number.

    Raises:
        ParseProblem: There is no such line, or no such number in it.
    """
    before, label = last_label(text, name)
    found = WHOLE.fullmatch(label)
    if found is None or not lowest <= int(found["number"]) <= highest or int(found["of"] or highest) != highest:
        raise ParseProblem(f"the {name.lower()} {label[:SHOWN]!r} is not a whole number from {lowest} to {highest}")
    return before, int(found["number"])


def choice_label(text: str, name: str, choices: tuple[str, ...]) -> tuple[str, str]:
    """Read a last line "Name: choice" whatever its capitals; return text and the choice as it stands in `choices`.

    Raises:
        ParseProblem: There is no such line, or it names none of the choices.
    """
    before, label = last_label(text, name)
    for choice in choices:
        if label.casefold() == choice.casefold():
            return before, choice
    allowed = " or ".join(f'"{choice}"' for choice in choices)
    raise ParseProblem(f"the {name.lower()} {label[:SHOWN]!r} is not {allowed}")


@cache
def line_of(name: str) -> re.Pattern[str]:
    """Return what a line "Name: label" looks like, emphasised or not."""
    return re.compile(rf"^[ \t]*[*_#>]{{0,3}}[ \t]*{re.escape(name)}[*_]{{0,3}}[ \t]*:(?P<label>[^\n]*)$", re.I | re.M)
