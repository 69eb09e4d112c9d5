"""Right means the same words."""

from __future__ import annotations

from lessons.answers import final_answer
from lessons.graders.reading import folded
from lessons.graders.reference import reference_of
from lessons.grading import Grader
from lessons.records import Grade, Prompt

__all__ = ["ExactGrader"]


class ExactGrader(Grader):
    """Compares the final answer with the reference, character by character; white space is collapsed.

    Args:
        ignore_case: Whether "paris" equals "Paris".
    """

    def __init__(self, ignore_case: bool = True) -> None:
        self.ignore_case = ignore_case

    def grade(self, text: str, prompt: Prompt) -> Grade:
        """Mark the final answer of `text`; see `Grader.grade`."""
        wanted = final_answer(reference_of(prompt, self))
        given = final_answer(text)
        correct = folded(given, self.ignore_case) == folded(wanted, self.ignore_case)
        return Grade(correct, float(correct), given, self.name, None if correct else f"the reference is {wanted!r}")
