from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula import Given
from lessons.errors import DataError
from lessons.lesson_set import LessonSet

Make = Callable[..., LessonSet]


def test_the_datas_own_difficulty_is_read_and_gaps_stay_gaps(make_lessons: Make) -> None:
    signal = Given()
    assert signal.name == "given_difficulty"
    np.testing.assert_array_equal(signal.compute(make_lessons([3.0, None, 1.0])).values, [3.0, np.nan, 1.0])


def test_numbers_in_the_metadata_are_read(make_lessons: Make) -> None:
    signal = Given("metadata.grade")
    lessons = make_lessons([0.1] * 4, [{"grade": 4}, {}, {"grade": None}, {"grade": 2.5}])
    assert signal.name == "given_grade"
    np.testing.assert_array_equal(signal.compute(lessons).values, [4, np.nan, np.nan, 2.5])


def test_an_unknown_column_is_named_with_the_allowed_ones(make_lessons: Make) -> None:
    with pytest.raises(DataError, match=r"'hardness' does not exist\. Allowed: difficulty, or metadata\.FIELD .*Given"):
        Given("hardness").compute(make_lessons([0.1]))
    with pytest.raises(DataError, match=r"'topic' is not a column of numbers\. Allowed: difficulty"):
        Given("topic").compute(make_lessons([0.1]))


def test_an_unknown_metadata_field_is_named_with_those_there_are(make_lessons: Make) -> None:
    with pytest.raises(DataError, match=r"No prompt has a metadata field 'level'; there are: grade, year\. Correct"):
        Given("metadata.level").compute(make_lessons([0.1], [{"year": 1, "grade": 2}]))


def test_a_metadata_field_of_words_is_refused_by_prompt_and_row(make_lessons: Make) -> None:
    lessons = make_lessons([0.1, 0.2], [{"grade": 1}, {"grade": "hard"}])
    with pytest.raises(DataError, match=r"'grade' of prompt 'p1' \(row 1\) is 'hard'; a signal needs numbers\. Choose"):
        Given("metadata.grade").compute(lessons)
