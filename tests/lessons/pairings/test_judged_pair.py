from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessons.pairings import JudgedPair


def test_the_text_that_both_orders_preferred_is_chosen(lesson: Callable[..., Any], wrote: Callable[..., Any]) -> None:
    def verdict(answer: str, sample: int, **data: Any) -> Any:
        facts = {"texts": ["one", "two"], "subjects": [{"author": "A"}, {"author": "B"}], **data}
        return wrote("because", kind="preference", answer=answer, sample=sample, data=facts)

    made = lesson(verdict("second", 0), verdict("tie", 1), verdict("first", 2))
    found = [(p.chosen.text, p.chosen.author, p.rejected.text, p.rejected.author) for p in JudgedPair().pairs(made)]
    assert found == [("two", "B", "one", "A"), ("one", "A", "two", "B")]
    assert JudgedPair("preference.second").pairs(made) == []
