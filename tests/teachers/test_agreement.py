from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import DataError
from lessons.records import Annotation, Provenance
from lessons.tables import write_annotations
from teachers import DifficultyAnnotator, RationaleAnnotator, ScriptedBackend, distill
from teachers.agreement import agreement, teacher_agreement
from teachers.annotators import By
from teachers.rank_statistics import average_ranks, cohen_kappa, kappa_interval, spearman, spearman_interval

SOURCE = Provenance("T", "m", "t/1", "key")


def note(prompt: str, kind: str, answer: str | None, value: float | None = None, **more: Any) -> Annotation:
    return Annotation(prompt, kind, 0, "text", SOURCE, answer=answer, value=value, **more)


def test_kappa_of_a_table_worked_by_hand() -> None:
    """20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: p_o = 0.7, p_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa = 0.4."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)
    interval = kappa_interval(pairs)
    assert interval is not None
    assert interval[0] < 0.4 < interval[1]
    assert 0.4 < interval[1] - interval[0] < 0.6  # the asymptotic standard error is about 0.13


def test_kappa_says_nothing_where_there_is_one_label() -> None:
    assert cohen_kappa([("y", "y")] * 5) is None
    assert cohen_kappa([]) is None


def test_spearman_worked_by_hand() -> None:
    """d = (0, 1, -1, 0, 0): rho = 1 - 6 * 2 / (5 * 24) = 0.9."""
    assert spearman([1, 2, 3, 4, 5], [1, 3, 2, 4, 5]) == pytest.approx(0.9)
    assert spearman([1, 1], [1, 2]) is None
    assert spearman([1], [1]) is None
    low, high = spearman_interval(0.5, 50) or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.25, 0.688)  # tanh(0.5493 -+ 1.96 * sqrt(1.06 / 47))
    assert spearman_interval(0.5, 3) is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=40))
def test_spearman_is_scipys(pairs: list[tuple[int, int]]) -> None:
    from scipy.stats import rankdata, spearmanr

    ones, others = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    assert average_ranks(ones).tolist() == rankdata(ones).tolist()
    ours = spearman(ones, others)
    if ours is None:
        assert len(set(ones)) == 1 or len(set(others)) == 1
    else:
        assert ours == pytest.approx(float(np.asarray(spearmanr(ones, others).statistic)), abs=1e-12)


def test_kinds_with_one_base_name_are_compared() -> None:
    annotations = [
        note("a", "difficulty", "1", 0.0),
        note("a", "difficulty.second", "2", 0.25),
        note("b", "difficulty.second", "5", 1.0),
        note("b", "difficulty", "5", 1.0),
        note("c", "difficulty", "3", 0.5),
        note("c", "difficulty.second", None, None, problem="no line"),
        note("d", "rationale", "8"),
    ]
    (found,) = agreement(annotations, ["difficulty", "difficulty.second", "rationale"])
    assert (found.kind, found.other, found.compared, found.equal, found.values) == (
        "difficulty",
        "difficulty.second",
        2,
        1,
        2,
    )
    assert found.share_equal is not None
    assert found.mean_difference == pytest.approx(0.125)
    assert found.spearman == pytest.approx(1.0)


def test_three_teachers_are_compared_two_by_two() -> None:
    kinds = ["quality", "quality.x", "quality.y"]
    annotations = [note(p, kind, str(k), float(k)) for p in "abcd" for k, kind in enumerate(kinds)]
    found = agreement(annotations, kinds)
    assert [(a.kind, a.other, a.compared) for a in found] == [
        ("quality", "quality.x", 4),
        ("quality", "quality.y", 4),
        ("quality.x", "quality.y", 4),
    ]


def test_verdicts_are_compared_with_the_grader_and_by_who_saw_the_reference() -> None:
    def verdict(prompt: str, kind: str, answer: str, correct: bool, saw: bool) -> Annotation:
        return note(prompt, kind, answer, saw_reference=saw, data={"subject": {"correct": correct}})

    annotations = []
    for prompt, blind, informed, correct in [
        ("a", "correct", "correct", True),
        ("b", "correct", "incorrect", False),
        ("c", "incorrect", "incorrect", False),
        ("d", "incorrect", "correct", True),
    ]:
        annotations.append(verdict(prompt, "critique", blind, correct, False))
        annotations.append(verdict(prompt, "critique.informed", informed, correct, True))
    found = {(a.kind, a.other): a for a in agreement(annotations, ["critique", "critique.informed"])}
    assert found["critique", "grader"].equal == 2
    assert found["critique", "grader"].kappa == pytest.approx(0.0)
    assert found["critique.informed", "grader"].kappa == pytest.approx(1.0)
    assert found["critique", "critique.informed"].saw_reference == (False, True)


def test_marks_are_compared_with_the_grader_as_numbers_only() -> None:
    annotations = [note(str(k), "judgement", str(k), k / 9, data={"subject": {"correct": k > 4}}) for k in range(1, 10)]
    (found,) = agreement(annotations, ["judgement"])
    assert (found.compared, found.kappa, found.values) == (0, None, 9)
    assert found.spearman is not None
    assert found.spearman > 0.8


def test_a_whole_run_is_compared(tmp_path: Path, sums: Any) -> None:
    second = ScriptedBackend("teachers.programs.addition:answer", version=2)
    annotators = [RationaleAnnotator(max_asks=1), DifficultyAnnotator(), By("second", second, DifficultyAnnotator())]
    teacher = ScriptedBackend("teachers.programs.addition:answer")
    distill(sums(30), teacher, annotators, None, tmp_path / "l", tmp_path / "o", progress=False)
    (found,) = teacher_agreement(tmp_path / "o")
    assert (found.compared, found.equal, found.mean_difference) == (30, 30, 0.0)


def test_an_empty_or_missing_file(tmp_path: Path) -> None:
    write_annotations(tmp_path / "none", [])
    assert teacher_agreement(tmp_path / "none") == []
    with pytest.raises(DataError, match="No file"):
        teacher_agreement(tmp_path / "missing")
