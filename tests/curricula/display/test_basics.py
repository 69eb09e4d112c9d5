from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from curricula import Category, Length, SignalTable, TeacherLabel, measure
from curricula.display import with_basics
from lessons.lesson_set import LessonSet
from lessons.tables import ANNOTATION_SCHEMA, PROMPT_SCHEMA

Make = Callable[..., LessonSet]


def names(table: SignalTable) -> set[str]:
    return set(table.columns)


def test_difficulty_topic_and_length_are_added_where_nothing_like_them_is_measured(make_lessons: Make) -> None:
    lessons = make_lessons([0.1, 0.5], [{"skill": "a"}, {"skill": "b"}])
    assert names(with_basics(measure(lessons, []), lessons)) == {"given_difficulty", "question_characters"}
    measured = measure(lessons, [TeacherLabel(), Length("rationale", "words"), Category("metadata.skill")])
    assert names(with_basics(measured, lessons)) == names(measured)


def test_what_the_data_lacks_is_left_out_and_a_missing_topic_is_named(make_lessons: Make) -> None:
    lessons = make_lessons([None, None])
    assert names(with_basics(measure(lessons, []), lessons)) == {"question_characters"}
    topics = lessons.prompts.set_column(
        PROMPT_SCHEMA.get_field_index("topic"), PROMPT_SCHEMA.field("topic"), pa.array(["sums", None])
    )
    shown = with_basics(measure(lessons, []), LessonSet.join(topics, ANNOTATION_SCHEMA.empty_table()))
    assert shown.column("topic").labels == ("no topic", "sums")
    np.testing.assert_array_equal(shown.scores("topic"), [1, 0])
