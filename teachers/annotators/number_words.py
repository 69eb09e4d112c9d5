"""Read numbers that are written in English words: "twenty-five", "three quarters", "fifty percent"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from lessons.graders.reading import Quantity

__all__ = ["spelled_quantities"]

VALUES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
PARTS = {"half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7}
PARTS |= {"eighth": 8, "ninth": 9, "tenth": 10, "hundredth": 100}

WORD = rf"(?:{'|'.join(sorted({*VALUES, *SCALES}, key=len, reverse=True))})"
RUN = re.compile(rf"\b{WORD}\b(?:(?:[ ]+|-|(?<=hundred)[ ]and[ ]|(?<=thousand)[ ]and[ ]){WORD}\b)*", re.IGNORECASE)
PART = rf"(?P<part>{'|'.join(PARTS)})s?\b"
AFTER = re.compile(
    rf"(?:[ -]{PART}|(?P<and_half>[ ]and[ ]a[ ]half)\b)?(?P<percent>[ ](?:percent|per[ ]cent|%))?", re.IGNORECASE
)
BARE_PART = re.compile(rf"\b(?:an?[ ]{PART}|(?P<half>half)\b)", re.IGNORECASE)


def spelled_quantities(text: str) -> list[Quantity]:
    """Return the numbers written in words, in order; a list such as "one two three" is three numbers.

    >>> [str(q.value) for q in spelled_quantities("Two hundred and five, three quarters, half, one two")]
    ['205', '3/4', '1/2', '1', '2']
    """
    found = [quantity for run in RUN.finditer(text) for quantity in read_run(run, text)]
    taken = {position for quantity in found for position in range(quantity.start, quantity.start + len(quantity.text))}
    for part in BARE_PART.finditer(text):
        if part.start() not in taken and part.end() - 1 not in taken:
            divisor = PARTS[(part["part"] or "half").lower()]
            found.append(Quantity(Fraction(1, divisor), False, part[0], part.start()))
    return sorted(found, key=lambda quantity: quantity.start)


def read_run(run: re.Match[str], text: str) -> Iterator[Quantity]:
    """Yield the numbers of a run of number words."""
    numbers = list(split_run(run))
    for k, (value, start, end) in enumerate(numbers):
        percent = False
        after = AFTER.match(text, end) if k == len(numbers) - 1 else None
        if after is not None:
            if after["part"]:
                value /= PARTS[after["part"].lower()]
            elif after["and_half"]:
                value += Fraction(1, 2)
            percent, end = bool(after["percent"]), after.end()
        yield Quantity(value, percent, text[start:end], start)


def split_run(run: re.Match[str]) -> Iterator[tuple[Fraction, int, int]]:
    """Yield (value, start, end) of every number in a run: a word that cannot go on with a number begins the next."""
    total = current = 0
    start = end = -1
    for word in re.finditer(WORD, run[0], re.IGNORECASE):
        name = word[0].lower()
        if start >= 0 and not (total + current and goes_on(name, current)):  # nothing goes on after zero
            yield Fraction(total + current), start, end
            total = current = 0
            start = -1
        if start < 0:
            start = run.start() + word.start()
        end = run.start() + word.end()
        if name in VALUES:
            current += VALUES[name]
        elif name == "hundred":
            current = max(current, 1) * 100
        else:
            total += max(current, 1) * SCALES[name]
            current = 0
    if start >= 0:
        yield Fraction(total + current), start, end


def goes_on(name: str, current: int) -> bool:
    """Whether a word can follow a number whose part below a thousand is `current` so far.

    >>> goes_on("five", 20), goes_on("five", 5), goes_on("hundred", 5)
    (True, False, True)
    """
    if name in SCALES:
        return 0 < current < (100 if name == "hundred" else 1000)
    value, tens = VALUES[name], current % 100
    if not value:
        return False
    return not tens if value >= 10 else tens % 10 == 0 and tens != 10
