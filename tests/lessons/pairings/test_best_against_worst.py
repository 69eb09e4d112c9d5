from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lessons.pairings import BestAgainstWorst


def test_the_widest_gap_comes_first(lesson: Callable[..., Any], wrote: Callable[..., Any]) -> None:
    scores = {"a": 0.5, "b": 0.25, "c": 0.875, "d": 0.25}
    texts = [wrote(text, None, answer=None, sample=k) for k, text in enumerate(scores)]
    judged = [wrote("so so", kind="judgement", subject=text, value=score, answer="x") for text, score in scores.items()]
    second = wrote("well", kind="judgement.second", subject="a", value=1.0, answer="x")
    doubted = wrote("bad", kind="judgement", subject="c", value=0.0, answer="x", problem="cut off")
    made = lesson(*texts, *judged, second, doubted)
    pairing = BestAgainstWorst(scored_by="judgement", pairs_per_prompt=3)
    found = [(p.chosen.text, p.rejected.text, p.gap) for p in pairing.pairs(made)]
    assert found == [("c", "b", 0.625), ("c", "d", 0.625), ("c", "a", 0.375)]
    assert len(BestAgainstWorst(scored_by="judgement", pairs_per_prompt=9).pairs(made)) == 5  # b and d are even
    assert len(BestAgainstWorst(scored_by="judgement", pairs_per_prompt=9, least_gap=0.5).pairs(made)) == 2
    assert BestAgainstWorst(scored_by="quality").pairs(made) == []


def test_several_judges_of_a_kind_are_averaged(lesson: Callable[..., Any], wrote: Callable[..., Any]) -> None:
    def judged(text: str, value: float, sample: int) -> Any:
        return wrote("hm", kind="judgement", subject=text, value=value, sample=sample)

    texts = [wrote(text, None, answer=None) for text in "ab"]
    made = lesson(*texts, judged("a", 0.0, 0), judged("a", 1.0, 1), judged("b", 0.25, 2))
    (pair,) = BestAgainstWorst(scored_by="judgement").pairs(made)
    assert (pair.chosen.text, pair.chosen.score, pair.rejected.score) == ("a", 0.5, 0.25)


def test_partial_credit_orders_wrong_answers_below_right_ones(
    lesson: Callable[..., Any], wrote: Callable[..., Any]
) -> None:
    made = lesson(
        wrote("nearly", False, score=1.0), wrote("right", True, sample=1), wrote("far", False, score=0.25, sample=2)
    )
    first, second, third = BestAgainstWorst(pairs_per_prompt=3).pairs(made)
    assert [pair.chosen.text[:5] for pair in (first, second, third)] == ["right", "nearl", "right"]
    assert [pair.gap for pair in (first, second, third)] == pytest.approx([0.75, 0.749, 0.001])
