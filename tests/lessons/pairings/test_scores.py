from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessons.pairings import candidates


def test_texts_come_once_in_the_order_of_their_samples(lesson: Callable[..., Any], wrote: Callable[..., Any]) -> None:
    made = lesson(
        wrote("b", True, sample=0, author="first"),
        wrote("a", False, sample=1),
        wrote("b", True, sample=2, author="second"),
        wrote("c", None, sample=3),
    )
    found = [(text.text, text.score, text.author) for text in candidates(made, "rationale")]
    assert found == [("b\nAnswer: 7", 1.0, "first"), ("a\nAnswer: 7", 0.0, "m")]
