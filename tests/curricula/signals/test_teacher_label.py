from __future__ import annotations

from collections.abc import Callable

import numpy as np

from curricula import TeacherLabel
from lessons.lesson_set import LessonSet

Make = Callable[..., LessonSet]


def test_labels_are_read_with_their_authors_and_gaps_stay_gaps(make_lessons: Make) -> None:
    signal = TeacherLabel()
    column = signal.measure(make_lessons([0.25, None, 1.0]))
    assert signal.name == "teacher_difficulty"
    np.testing.assert_array_equal(column.values, [0.25, np.nan, 1.0])
    assert column.provenance["teachers"] == ["ScriptedBackend"]
    assert column.provenance["models"] == ["program-2"]  # not the rationales' author
    assert column.provenance["templates"] == ["difficulty/1"]


def test_a_kind_without_annotations_is_missing_everywhere_and_says_what_there_is(make_lessons: Make) -> None:
    column = TeacherLabel("quality").measure(make_lessons([0.25, 0.5]))
    assert column.missing == 2
    assert "'quality' (kinds there are: difficulty, rationale)" in column.provenance["source"]
    assert column.provenance["models"] == []
