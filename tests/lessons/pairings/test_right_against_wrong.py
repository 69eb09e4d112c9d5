from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lessons.errors import ConfigError
from lessons.pairings import Pair, RightAgainstWrong


def texts(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.chosen.text, pair.rejected.text) for pair in pairs]


def test_right_texts_meet_wrong_ones_each_once_before_any_twice(
    lesson: Callable[..., Any], wrote: Callable[..., Any]
) -> None:
    made = lesson(
        wrote("a", True, sample=0),
        wrote("x", False, sample=1, answer="8"),
        wrote("b", True, sample=2),
        wrote("y", False, sample=3, answer="9"),
        wrote("unread", False, sample=4, problem="no answer"),
        wrote("ungraded", None, sample=5),
        wrote("other", False, kind="critique"),
    )
    right, wrong = ("a\nAnswer: 7", "b\nAnswer: 7"), ("x\nAnswer: 8", "y\nAnswer: 9")
    assert texts(RightAgainstWrong().pairs(made)) == [(right[0], wrong[0])]
    assert texts(RightAgainstWrong(pairs_per_prompt=9).pairs(made)) == [
        (right[0], wrong[0]),
        (right[1], wrong[1]),
        (right[0], wrong[1]),
        (right[1], wrong[0]),
    ]
    assert RightAgainstWrong(of="answer").pairs(made) == []


def test_a_repeated_text_counts_once_and_a_bare_answer_has_no_answer_line(
    lesson: Callable[..., Any], wrote: Callable[..., Any]
) -> None:
    made = lesson(
        wrote("7", True, kind="answer", author="first"),
        wrote("7", True, kind="answer", author="second", sample=1),
        wrote("8", False, kind="answer", answer="8", sample=2),
    )
    (pair,) = RightAgainstWrong(of="answer", pairs_per_prompt=5).pairs(made)
    assert (pair.chosen.text, pair.rejected.text, pair.chosen.author, pair.gap) == ("7", "8", "first", 1.0)


def test_no_pair_is_an_error(lesson: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match=r"pairs_per_prompt=0, so that .* nothing to learn\. Allowed is 1"):
        RightAgainstWrong(pairs_per_prompt=0).pairs(lesson())
