from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from lessons.graders.pattern import PatternGrader
from lessons.records import Message, Prompt

SEVEN = Prompt("p", (Message("user", "?"),), "seven")


@pytest.mark.parametrize(
    ("pattern", "text", "correct"),
    [
        ("#### (.+)", "first\n#### six\n#### Seven.", True),
        ("#### (.+)", "#### seven\n#### six", False),
        ("seven", "six, SEVEN, eight", True),
        ("#### (.+)", "seven", False),
        ("(x)?seven", "seven", False),
    ],
)
def test_the_last_match_counts(pattern: str, text: str, correct: bool) -> None:
    assert PatternGrader(pattern).grade(text, SEVEN).correct is correct


def test_no_match_is_said() -> None:
    assert PatternGrader("#+ (.*)").grade("seven", SEVEN).reason == "the pattern '#+ (.*)' finds nothing"


def test_a_broken_pattern() -> None:
    with pytest.raises(ConfigError, match=r"no regular expression: '\(' .*missing \).*escape its special characters"):
        PatternGrader("(").grade("seven", SEVEN)
