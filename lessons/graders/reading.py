"""Read numbers out of prose, exactly, and put words into one form for comparison."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Quantity", "folded", "quantities"]

MAX_CHARACTERS = 20_000
"""Longer texts are read from their end only: no grader may be slow on a runaway completion."""
MAX_DIGITS = 300
"""Longer digit strings are not numbers that anyone meant."""

LATEX_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([0-9.,]{1,40})\s*\}\s*\{\s*([0-9.,]{1,40})\s*\}")
LATEX_POWER = re.compile(r"(?:\\times|\\cdot|[x\u00d7*])\s*10\s*(?:\^|\*\*)\s*\{?\s*([-+]?[0-9]{1,3})\s*\}?")
GROUPED = r"[0-9]{1,3}(?:[,\u00a0\u2009\u202f'][0-9]{3})+(?![0-9])"
PLAIN = rf"(?:{GROUPED}|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
NUMBER = re.compile(
    rf"""
    (?<![\w^.])                                  # not inside a word, an exponent ("cm^2") or another number
    (?:(?P<sign>(?<![\w)\]][ ])(?<![\w)\]])[-+])\s?)?   # "10-4" and "10 - 4" hold a minus, not a sign
    (?:[$€£¥₹]\s?)?(?P<late>-)?
    (?:(?P<whole>[0-9]{{1,9}})[ ](?=[0-9]+/[0-9]))?  # the 1 of "1 3/4"
    (?P<number>{PLAIN})
    (?:[eE](?P<exponent>[-+]?[0-9]{{1,3}})(?!\w))?
    (?:\s?/\s?(?P<divisor>{PLAIN}))?
    (?P<percent>\s?(?:\\?%|percent\b|per\ cent\b))?
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written in a text."""

    value: Fraction
    """The number itself, exact; percent signs not applied."""
    percent: bool
    """Whether a percent sign follows."""
    text: str
    """The characters it was read from."""
    start: int
    """Where it starts in the text as read."""

    def equals(self, other: Quantity, tolerance: Fraction) -> bool:
        """Whether both mean the same number; "50%" may stand for 50 or 0.5 where the other has no percent sign."""
        readings = {self.value}
        if self.percent != other.percent:
            readings.add(self.value / 100 if self.percent else self.value * 100)
        return any(abs(reading - other.value) <= tolerance for reading in readings)


def quantities(text: str) -> list[Quantity]:
    """Return the numbers of a text in order: thousands separators, currency signs, fractions and percents are read.

    >>> [str(q.value) for q in quantities("$1,200 is 3/4 of 1600.00, not -5%")]
    ['1200', '3/4', '1600', '-5']
    """
    text = plain_notation(text[-MAX_CHARACTERS:])
    found = (read(match) for match in NUMBER.finditer(text))
    return [quantity for quantity in found if quantity is not None]


def plain_notation(text: str) -> str:
    """Write LaTeX and typographic notation of numbers in plain characters."""
    text = text.replace("{,}", ",").replace("\\,", "").replace("\\!", "").replace("\\$", "$")
    text = text.replace("\u2212", "-").replace("\u2044", "/")  # the minus sign and the fraction slash
    text = LATEX_FRACTION.sub(r" \1/\2 ", text)
    return LATEX_POWER.sub(r"e\1 ", re.sub(rf"\s+(?={LATEX_POWER.pattern})", "", text))


def read(match: re.Match[str]) -> Quantity | None:
    """Turn a match of `NUMBER` into a quantity; None when it is no number (a division by zero, too many digits)."""
    if len(match[0]) > MAX_DIGITS:
        return None
    value = exact(match["number"]) * Fraction(10) ** int(match["exponent"] or 0)
    if match["divisor"]:
        divisor = exact(match["divisor"])
        if not divisor:
            return None
        value = value / divisor
    value += int(match["whole"] or 0)
    if match["sign"] == "-" or match["late"]:
        value = -value
    return Quantity(value, bool(match["percent"]), match[0].strip(), match.start())


def exact(digits: str) -> Fraction:
    """Return a run of digits with its separators removed as an exact number."""
    return Fraction(re.sub(r"[^0-9.]", "", digits))


def folded(text: str, ignore_case: bool = True) -> str:
    """Return a text with white space collapsed and, by default, case folded."""
    text = " ".join(text.split())
    return text.casefold() if ignore_case else text
