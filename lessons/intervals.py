"""How sure a share is: its confidence interval, and how many answers those to the same questions are worth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from lessons.errors import DataError

__all__ = ["Interval", "by_question", "effective_answers", "wilson"]


class Interval(NamedTuple):
    """A confidence interval of a share."""

    low: float
    """Lower end, in [0, 1]."""
    high: float
    """Upper end, in [0, 1]."""


def wilson(correct: float, total: float, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a share: the p with (correct/total - p)^2 <= z^2 p (1 - p) / total.

    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference".

    >>> tuple(round(end, 4) for end in wilson(8, 10))
    (0.4902, 0.9433)

    Raises:
        DataError: There are no answers, more right ones than answers, or the confidence is not between 0 and 1.
    """
    if not 0 <= correct <= total or total < 1 or not 0 < confidence < 1:
        raise DataError(
            f"No interval for {correct:g} right of {total:g} at confidence {confidence}: at least one answer, no more "
            "right ones than answers and a confidence between 0 and 1 are needed. Check that the exam was graded."
        )
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = correct / total, z * z / total
    centre = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    # at the ends the formula is exact only up to rounding
    return Interval(max(centre - half, 0.0) if correct else 0.0, min(centre + half, 1.0) if correct < total else 1.0)


def effective_answers(correct: Sequence[int], answers: Sequence[int]) -> float:
    """Return how many answers to different questions would say as much as these, several of which share a question.

    m = p (1 - p) / V, with p the share of right ones and V the variance of p over the questions,
    V = N / (N - 1) sum_i (c_i - p n_i)^2 / (sum_i n_i)^2 (Kish 1965, Survey Sampling: the effective sample size of
    clusters). Never more than there are answers, at least 1; the number of questions where all answers are alike.

    >>> effective_answers([1, 0, 1], [1, 1, 1])
    3.0
    >>> round(effective_answers([4, 0, 4, 0, 4], [4, 4, 4, 4, 4]), 9)  # four times the same says it once
    4.0

    Args:
        correct: Right answers to each question.
        answers: Answers to each question, at least 1.
    """
    questions, total = len(answers), sum(answers)
    if total == questions:
        return float(total)
    share = sum(correct) / total
    spread = sum((right - share * count) ** 2 for right, count in zip(correct, answers, strict=True)) / total**2
    if share in (0, 1) or questions == 1:
        return float(questions)
    variance = spread * questions / (questions - 1)
    return max(1.0, min(float(total), share * (1 - share) / variance if variance else float(total)))


def by_question(marks: Sequence[bool], questions: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the right answers, and all answers, to each question."""
    correct: Counter[str] = Counter()
    for name, mark in zip(questions, marks, strict=True):
        correct[name] += mark
    answers = Counter(questions)
    return list(correct.values()), [answers[name] for name in correct]
