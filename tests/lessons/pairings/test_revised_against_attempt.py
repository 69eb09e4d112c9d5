from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessons.pairings import RevisedAgainstAttempt


def test_a_revision_that_mends_something_beats_its_attempt(
    lesson: Callable[..., Any], wrote: Callable[..., Any]
) -> None:
    def revised(text: str, **fields: Any) -> Any:
        return wrote(text, fields.pop("correct", True), kind="revision", subject="3+4=8\nAnswer: 8", **fields)

    mended = revised("3+4=7", data={"gain": 1.0})
    kept = revised("Still 7", data={"gain": 0.0}, sample=1)
    failed = revised("3+4=9", data={"gain": -1.0}, correct=False, sample=2)
    unmeasured = revised("It is 7", sample=3)
    same = wrote("3+4=8", True, kind="revision", subject="3+4=8\nAnswer: 8", answer="8", data={"gain": 1.0}, sample=4)
    made = lesson(mended, kept, failed, unmeasured, same)
    (pair,) = RevisedAgainstAttempt(pairs_per_prompt=9).pairs(made)
    assert (pair.chosen.text, pair.rejected.text, pair.gap) == ("3+4=7\nAnswer: 7", "3+4=8\nAnswer: 8", 1.0)
    found = RevisedAgainstAttempt(known_better=False, pairs_per_prompt=9).pairs(made)
    assert [pair.chosen.text for pair in found] == ["3+4=7\nAnswer: 7", "It is 7\nAnswer: 7"]
