from __future__ import annotations

import math
import statistics
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curricula.signals.tried import tried
from curricula.signals.tries import Tries, TryStatistic, statistic_of
from lessons.errors import ConfigError, DataError
from lessons.intervals import wilson
from lessons.lesson_set import LessonSet
from lessons.records import Attempt, Grade, Message, Prompt
from lessons.tables import (
    ANNOTATION_SCHEMA,
    ATTEMPT_SCHEMA,
    PROMPT_SCHEMA,
    attempt_to_row,
    prompt_to_row,
    write_attempts,
)


def lessons(count: int) -> LessonSet:
    rows = [prompt_to_row(Prompt(f"p{k}", (Message("user", "?"),))) for k in range(count)]
    return LessonSet.join(pa.Table.from_pylist(rows, PROMPT_SCHEMA), ANNOTATION_SCHEMA.empty_table())


def attempt(prompt: str, score: float, answer: str | None = None) -> Attempt:
    return Attempt(prompt, "student", "text", grade=Grade(score == 1, score, answer, "exact/1"))


def values(attempts: list[Attempt], count: int, statistic: TryStatistic, **more) -> list[float]:
    table = pa.Table.from_pylist([attempt_to_row(a) for a in attempts], ATTEMPT_SCHEMA)
    return statistic_of(tried(table, lessons(count), "here"), statistic, **more).tolist()


def test_the_worked_numbers_of_the_variation() -> None:
    tries = [attempt("p0", s) for s in (0.9, 0.1, 0.7, 0.3, 0.5)]
    assert values(tries, 1, "variation") == pytest.approx([0.566], abs=5e-4)
    assert values(tries, 1, "variation", ddof=1) == pytest.approx([0.632], abs=5e-4)
    assert values(tries, 1, "variation", ddof=1, small_sample=True) == pytest.approx([0.632456 * 1.05], rel=1e-5)


SCORES = st.lists(st.lists(st.sampled_from([0.0, 0.25, 1.0]), max_size=5), min_size=1, max_size=6).filter(any)


@given(SCORES)
def test_every_statistic_equals_the_one_written_out_lesson_by_lesson(found: list[list[float]]) -> None:
    tries = [attempt(f"p{k}", s, str(s)) for k, scores in enumerate(found) for s in scores]
    tries = tries[1::2] + tries[0::2]  # any order of the file
    nothing = math.nan
    expected = {
        "pass_rate": [sum(s == 1 for s in x) / len(x) if x else nothing for x in found],
        "failure_rate": [1 - sum(s == 1 for s in x) / len(x) if x else nothing for x in found],
        "pass_low": [wilson(x.count(1), len(x)).low if x else nothing for x in found],
        "pass_high": [wilson(x.count(1), len(x)).high if x else nothing for x in found],
        "mean_score": [statistics.fmean(x) if x else nothing for x in found],
        "best_score": [max(x) if x else nothing for x in found],
        "deviation": [statistics.pstdev(x) if x else nothing for x in found],
        "variation": [statistics.pstdev(x) / statistics.fmean(x) if any(x) else nothing for x in found],
        "distinct_answers": [len(set(x)) if x else nothing for x in found],
        "majority_share": [max(map(x.count, x)) / len(x) if x else nothing for x in found],
        "tries": [len(x) if x else nothing for x in found],
    }
    for statistic, wanted in expected.items():
        assert values(tries, len(found), statistic) == pytest.approx(wanted, nan_ok=True, abs=1e-12)


def test_lessons_of_one_question_share_its_tries(tmp_path: Path) -> None:
    one = lessons(2)
    twice = LessonSet(one.prompts, one.annotations, np.array(["p0", "p0#1", "p1"], object), np.array([0, 0, 1]), {})
    write_attempts(tmp_path / "attempts.parquet", [attempt("p0", 1.0), attempt("p0", 0.0), attempt("other", 1.0)])
    column = Tries(str(tmp_path / "attempts.parquet")).measure(twice)
    assert column.values.tolist() == pytest.approx([0.5, 0.5, math.nan], nan_ok=True)
    assert (column.provenance["authors"], column.provenance["graders"]) == (["student"], ["exact/1"])
    assert Tries("x", "pass_rate").name == "pass_rate"


def test_tries_without_an_answer_are_no_distinct_answer() -> None:
    tries = [attempt("p0", 0.0), attempt("p0", 1.0, "3"), attempt("p0", 1.0, "3")]
    assert values(tries, 1, "distinct_answers") == [1]
    assert values(tries, 1, "majority_share") == pytest.approx([2 / 3])
    assert values(tries[:1], 1, "majority_share") == [0]


def test_bad_input_is_refused_in_words() -> None:
    with pytest.raises(DataError, match=r"1 of 1 attempts in here were not graded.*Give a grader"):
        values([Attempt("p0", "student", "text")], 1, "tries")
    with pytest.raises(DataError, match=r"None of the 1 attempts in here answers any of the questions of these 1"):
        values([attempt("elsewhere", 1.0)], 1, "tries")
    with pytest.raises(ConfigError, match=r"Tries got statistic 'median' with ddof 0; allowed are failure_rate"):
        values([attempt("p0", 1.0)], 1, "median")  # type: ignore[arg-type]
