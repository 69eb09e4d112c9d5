from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessons.pairings import KindAgainstKind


def test_the_stronger_author_is_set_against_the_weaker(lesson: Callable[..., Any], wrote: Callable[..., Any]) -> None:
    made = lesson(
        wrote("wrong", False, author="big", answer="8"),
        wrote("good", True, author="big", sample=1),
        wrote("weak", True, kind="rationale.weak", author="small"),
        wrote("weaker", False, kind="rationale.weak", author="small", sample=1),
        wrote("same", True, sample=2),
        wrote("same", True, kind="rationale.weak", sample=2),
    )
    found = [(p.chosen.text[:4], p.rejected.text[:4]) for p in KindAgainstKind(pairs_per_prompt=9).pairs(made)]
    assert ("same", "same") not in found
    assert ("wron", "weak") not in found
    assert found[0] == ("good", "weak")
    assert len(found) == 2 * 3 - 1
    assert len(KindAgainstKind(trusted_only=False, pairs_per_prompt=9).pairs(made)) == 3 * 3 - 1
