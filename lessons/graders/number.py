"""Right means the same number, however it is written."""

from __future__ import annotations

import re
from fractions import Fraction

from lessons.answers import split_answer
from lessons.graders.reading import Quantity, quantities
from lessons.graders.reference import reference_of, unusable_reference
from lessons.grading import Grader
from lessons.records import Grade, Prompt

__all__ = ["NumberGrader"]

WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})")
ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


class NumberGrader(Grader):
    """Compares the number in the final answer with the reference.

    Thousands separators, currency signs, percents, fractions ("3/4", "1 3/4", LaTeX ones too), powers of ten and units
    are read. After an "Answer:" marker the last number of its line counts, asides in brackets left out; without a
    marker, the last number of the whole text. Comparison is exact arithmetic, so large whole numbers must agree in
    every digit. "50%" equals 50 and 0.5 where the reference has no percent sign.

    Args:
        tolerance: The largest absolute difference that still counts as equal.
    """

    def __init__(self, tolerance: float = 1e-6) -> None:
        self.tolerance = tolerance

    def grade(self, text: str, prompt: Prompt) -> Grade:
        """Mark the number in `text`; see `Grader.grade`."""
        reference = reference_of(prompt, self)
        if WHOLE.fullmatch(reference) and WHOLE.fullmatch(text):  # most answers, at a tenth of the time (measured)
            right = abs(int(text) - int(reference)) <= self.tolerance
            return Grade(right, float(right), text, self.name, None if right else f"the reference is {reference}")
        wanted = stated_number(reference)
        if wanted is None:
            raise unusable_reference(prompt, self, "a number", "Choose another grader, for example ExactGrader.")
        given = stated_number(text)
        if given is None:
            return Grade(False, 0.0, None, self.name, "no number in the answer")
        correct = given.equals(wanted, Fraction(self.tolerance))
        return Grade(
            correct, float(correct), given.text, self.name, None if correct else f"the reference is {wanted.text}"
        )


def stated_number(text: str) -> Quantity | None:
    """Return the number a text gives as its answer, or None.

    >>> stated_number("2 + 3 = 5, so\\nAnswer: 5 apples (2 red ones and 3 green)").text
    '5'
    >>> stated_number("First 3, then 4: 7 in all.").text
    '7'
    """
    answer = split_answer(text)[1]
    if answer is None:
        return last_number(text)
    for line in answer.splitlines():
        found = last_number(ASIDE.sub(" ", line)) or last_number(line)
        if found:
            return found
    return None


def last_number(text: str) -> Quantity | None:
    """Return the last number of a text, or None."""
    found = quantities(text)
    return found[-1] if found else None
