from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.selection import NotInExam
from lessons.errors import ConfigError, DataError

CHANCE = np.random.default_rng(0)
LONG = "a farmer has twelve cows and sells three of them how many are left"


def test_lessons_that_share_words_with_the_exam_go(questions: Callable, exam: Callable) -> None:
    path = exam([LONG, "name the capital city of France", "What is 2+2?"])
    lessons = [
        "First: a Farmer has twelve cows, and sells three of them. Well?",
        "a farmer has twelve sheep and sells three of those",
        "Please name the CAPITAL city of France!",
        "What is 2+2? And then?",
    ]
    made = NotInExam(path, words=8).select(questions(lessons), CHANCE)
    assert made.kept.tolist() == [1, 3]
    assert made.reasons == ("its question shares 8 words with the exam",)
    assert NotInExam(path, words=8, shortest=4).select(questions(lessons), CHANCE).kept.tolist() == [1]


def test_what_the_teacher_wrote_is_searched_on_demand(questions: Callable, exam: Callable) -> None:
    pool = questions(["a b"])
    assert len(NotInExam(exam(["yes"]), words=1).select(pool, CHANCE).kept) == 1
    assert (
        len(NotInExam(exam(["yes"]), words=1, shortest=1, of=["question", "reference"]).select(pool, CHANCE).kept) == 0
    )


def test_wrong_settings_and_files_are_refused(questions: Callable, exam: Callable, tmp_path: object) -> None:
    with pytest.raises(ConfigError, match=r"words=0 and shortest=5; both must be at least 1"):
        NotInExam(exam(["a"]), words=0).select(questions(["a"]), CHANCE)
    with pytest.raises(DataError, match=r"nowhere\.parquet"):
        NotInExam(f"{tmp_path}/nowhere.parquet").select(questions(["a"]), CHANCE)
