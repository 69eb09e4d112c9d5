from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from curricula.signals.category import Category
from lessons.errors import DataError
from lessons.lesson_set import LessonSet

Make = Callable[..., LessonSet]


def test_categories_are_numbered_in_the_order_of_their_names(make_lessons: Make) -> None:
    lessons = make_lessons([0.1] * 4, [{"skill": "carry"}, {"skill": "add"}, {}, {"skill": "carry"}])
    column = Category("metadata.skill").measure(lessons)
    assert Category("metadata.skill").name == "skill"
    assert column.labels == ("add", "carry")
    np.testing.assert_array_equal(column.values, [1, 0, np.nan, 1])
    filled = Category("metadata.skill", missing="bare").measure(lessons)
    assert [filled.labels[int(code)] for code in filled.values] == ["carry", "add", "bare", "carry"]


def test_numbers_in_the_metadata_can_be_categories(make_lessons: Make) -> None:
    assert Category("metadata.grade").measure(make_lessons([0.1], [{"grade": 3}])).labels == ("3",)


def test_a_teacher_can_name_the_category(make_lessons: Make) -> None:
    column = Category("annotation.rationale").measure(make_lessons([0.1, 0.2]))
    assert column.labels == ("0", "2")  # the rationales' answers
    assert column.values.tolist() == [0, 1]
    assert np.isnan(Category("annotation.bloom").measure(make_lessons([0.1])).values).all()


def test_unknown_columns_are_named_with_those_there_are(make_lessons: Make) -> None:
    with pytest.raises(
        DataError, match=r"column 'difficulty' cannot be a category\. Allowed: id, reference, topic, met"
    ):
        Category("difficulty").measure(make_lessons([0.1]))
    with pytest.raises(DataError, match=r"No prompt has a metadata field 'skill'; there are: grade\. Correct"):
        Category("metadata.skill").measure(make_lessons([0.1], [{"grade": 3}]))
