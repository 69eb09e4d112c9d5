"""Right means that what a regular expression finds equals the reference."""

from __future__ import annotations

import re
from functools import cached_property

from lessons.answers import final_answer
from lessons.errors import ConfigError
from lessons.graders.reading import folded
from lessons.graders.reference import reference_of
from lessons.grading import Grader
from lessons.records import Grade, Prompt

__all__ = ["PatternGrader"]

MAX_CHARACTERS = 20_000


class PatternGrader(Grader):
    """Compares what a regular expression finds in the whole text with the reference.

    The last match counts; its first group where the pattern has groups, else all of it.

    Args:
        pattern: A Python regular expression, for example "#### (.+)".
        ignore_case: Whether case matters neither in the pattern nor in the comparison.
    """

    def __init__(self, pattern: str, ignore_case: bool = True) -> None:
        self.pattern = pattern
        self.ignore_case = ignore_case

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern, compiled on first use."""
        try:
            return re.compile(self.pattern, re.MULTILINE | (re.IGNORECASE if self.ignore_case else 0))
        except re.error as error:
            raise ConfigError(
                f"PatternGrader's pattern is no regular expression: {self.pattern!r} ({error}). Python's `re` syntax "
                "is allowed; correct the pattern, or escape its special characters with a backslash."
            ) from error

    def grade(self, text: str, prompt: Prompt) -> Grade:
        """Mark what the pattern finds in `text`; see `Grader.grade`."""
        wanted = final_answer(reference_of(prompt, self))
        given = None
        for match in self.compiled.finditer(text[-MAX_CHARACTERS:]):
            given = match[1] if self.compiled.groups else match[0]
        if given is None:
            return Grade(False, 0.0, None, self.name, f"the pattern {self.pattern!r} finds nothing")
        given = final_answer(given)
        correct = folded(given, self.ignore_case) == folded(wanted, self.ignore_case)
        return Grade(correct, float(correct), given, self.name, None if correct else f"the reference is {wanted!r}")
