from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.critique_metrics import Judgements, Transitions, relative_score, share
from lessons.intervals import wilson

COUNT = st.integers(0, 60)


@pytest.mark.parametrize("before", [0.1, 0.25, 0.5, 0.9])
def test_the_bounds_of_the_relative_score_are_0_and_1(before: float) -> None:
    assert relative_score(before, before**2) == pytest.approx(0)
    assert relative_score(before, before**2 + 2 * before * (1 - before)) == pytest.approx(1)
    assert relative_score(before, before) == pytest.approx(0.5)  # nothing changed


@pytest.mark.parametrize("before", [0.0, 1.0])
def test_the_relative_score_is_undefined_where_nothing_or_all_was_right(before: float) -> None:
    assert relative_score(before, 0.5) is None
    assert Transitions(right_right=5).relative() is None
    assert Transitions(wrong_right=5).relative() is None
    assert Transitions().relative() is None


def test_a_hand_worked_example() -> None:
    moves = Transitions(right_right=30, right_wrong=10, wrong_right=15, wrong_wrong=45)
    figures = moves.figures()
    assert figures["counts"] == {"right_right": 30, "right_wrong": 10, "wrong_right": 15, "wrong_wrong": 45}
    for name, part, total in [
        ("accuracy_before", 40, 100),
        ("accuracy_after", 45, 100),
        ("confidence_level", 30, 40),
        ("critique_score", 15, 60),
        ("overcorrection", 10, 40),
    ]:
        low, high = wilson(part, total)
        assert figures[name] == {
            "correct": part, "total": total, "accuracy": part / total, "low": low, "high": high
        }  # fmt: skip
    score = figures["relative_self_correction"]
    # (0.45 - 0.4^2) / (2 * 0.4 * 0.6) = 0.29 / 0.48
    assert score["value"] == pytest.approx(0.29 / 0.48)
    assert score["low"] == pytest.approx((wilson(45, 100).low - 0.16) / 0.48)
    assert score["high"] == pytest.approx((wilson(45, 100).high - 0.16) / 0.48)
    assert (score["lower_bound"], score["upper_bound"], score["total"]) == pytest.approx((0.16, 0.64, 100))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_shares_are_the_formulas_of_the_paper_for_equally_many_samples(rows: list[tuple[int, int, int]]) -> None:
    samples = 5
    pairs: list[tuple[bool, bool]] = []
    sum_a = sum_ab = sum_ac = Fraction(0)
    for right, stay, mend in rows:
        stay, mend = min(stay, right), min(mend, samples - right)
        p_a = Fraction(right, samples)
        p_b = Fraction(stay, right) if right else Fraction(0)
        p_c = Fraction(mend, samples - right) if right < samples else Fraction(0)
        sum_a, sum_ab, sum_ac = sum_a + p_a, sum_ab + p_a * p_b, sum_ac + (1 - p_a) * p_c
        pairs += [(True, k < stay) for k in range(right)] + [(False, k < mend) for k in range(samples - right)]
    moves = Transitions.of(pairs)
    kept, mended = moves.kept(), moves.mended()
    assert (kept is None) == (sum_a == 0)
    assert kept is None or Fraction(kept.correct, kept.total) == sum_ab / sum_a
    assert mended is None or Fraction(mended.correct, mended.total) == sum_ac / (len(rows) - sum_a)


@given(COUNT, COUNT, COUNT, COUNT)
def test_invariants_of_transitions(a: int, b: int, c: int, d: int) -> None:
    moves = Transitions(a, b, c, d)
    assert moves == Transitions.of(
        [(True, True)] * a + [(True, False)] * b + [(False, True)] * c + [(False, False)] * d
    )
    before, after, kept, mended, broken = (
        moves.before(), moves.after(), moves.kept(), moves.mended(), moves.overcorrected()
    )  # fmt: skip
    json.dumps(moves.figures(), allow_nan=False)
    if before is None or after is None:
        assert moves.total == 0
        return
    first = before.accuracy
    decomposed = first * (kept.accuracy if kept else 0) + (1 - first) * (mended.accuracy if mended else 0)
    assert after.accuracy == pytest.approx(decomposed)
    assert broken is None or (kept is not None and broken.accuracy == pytest.approx(1 - kept.accuracy))
    score = moves.relative()
    assert (score is None) == (first in (0, 1))
    if score is not None:
        assert score.low <= score.value <= score.high


def test_hand_worked_judgements() -> None:
    judged = Judgements(spotted=8, missed=3, false_alarms=2, accepted=5, unreadable_wrong=1, unreadable_right=1)
    figures = judged.figures()
    assert (judged.total, judged.unreadable) == (20, 2)
    assert figures["accuracy"]["accuracy"] == 13 / 20
    assert figures["precision_of_incorrect"]["accuracy"] == 8 / 10
    assert figures["recall_of_incorrect"]["accuracy"] == 8 / 12


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["correct", "incorrect", None]))))
def test_every_judgement_is_counted_once(verdicts: list[tuple[bool, str | None]]) -> None:
    judged = Judgements.of(verdicts)
    assert judged.total == len(verdicts)
    assert judged.unreadable == sum(verdict is None for _, verdict in verdicts)
    agree = sum((verdict == "correct") == right for right, verdict in verdicts if verdict is not None)
    accuracy = judged.accuracy()
    assert accuracy is None if not verdicts else accuracy is not None and accuracy.correct == agree
    json.dumps(judged.figures(), allow_nan=False)


def test_a_share_of_nothing_is_none() -> None:
    assert share(0, 0) is None
    assert Judgements().precision() is None
