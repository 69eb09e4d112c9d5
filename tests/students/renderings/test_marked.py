from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lessons.errors import ConfigError
from lessons.records import Lesson, Prompt
from students.renderings import AnswerOnly, TwoTask
from students.renderings.marked import Marked

Make = Callable[[int], list[Lesson]]


def marked_prompt(lesson: Lesson) -> Prompt:
    return replace(lesson.prompt, topic="sums", difficulty=2.0, metadata={"digits": 3})


def test_markers_stand_before_the_question_in_their_order(make_lessons: Make) -> None:
    lesson = make_lessons(1)[0]
    known = replace(lesson, prompt=marked_prompt(lesson))
    rendering = Marked(AnswerOnly(), ["topic", "metadata.digits", "difficulty", "metadata.none"], dropout=0.0)
    found, plain = rendering.exercises(known)[0], AnswerOnly().exercises(lesson)[0]
    assert found.messages[-1].content == f"[topic: sums] [digits: 3] [difficulty: 2] {lesson.prompt.question}"
    assert found.answer == plain.answer
    assert rendering.exercises(lesson) == [plain]  # nothing to mark
    assert rendering.exam_messages(known.prompt) == lesson.prompt.messages
    asked = replace_at_exam(rendering).exam_messages(known.prompt)
    assert asked == found.messages


def replace_at_exam(rendering: Marked) -> Marked:
    return Marked(rendering.rendering, rendering.markers, rendering.dropout, at_exam=True)


def test_each_marker_is_left_out_of_about_so_many_lessons(make_lessons: Make) -> None:
    lessons = [replace(lesson, prompt=marked_prompt(lesson)) for lesson in make_lessons(300)]
    rendering = Marked(AnswerOnly(), ["topic", "difficulty"], dropout=0.3)
    texts = [rendering.exercises(lesson)[0].messages[-1].content for lesson in lessons]
    topics, levels = (["[topic: sums]" in t for t in texts], ["[difficulty: 2]" in t for t in texts])
    assert 0.6 < sum(topics) / 300 < 0.8
    assert 0.6 < sum(levels) / 300 < 0.8
    assert 0.4 < sum(a and b for a, b in zip(topics, levels, strict=True)) / 300 < 0.58  # one without the other
    assert texts == [rendering.exercises(lesson)[0].messages[-1].content for lesson in lessons]
    other = Marked(AnswerOnly(), ["topic", "difficulty"], dropout=0.3, seed=1)
    assert texts != [other.exercises(lesson)[0].messages[-1].content for lesson in lessons]


def test_every_exercise_is_marked_and_keeps_its_part(make_lessons: Make) -> None:
    lesson = make_lessons(1)[0]
    known = replace(lesson, prompt=marked_prompt(lesson))
    rendering = Marked(TwoTask(), ["topic"], dropout=0.0)
    assert [e.part for e in rendering.exercises(known)] == [e.part for e in TwoTask().exercises(known)]
    assert all(e.messages[-1].content.startswith("[topic: sums] ") for e in rendering.exercises(known))
    assert rendering.parts == TwoTask().parts
    assert rendering.left_out(known) is None


def test_unknown_markers_and_chances_are_refused(make_lessons: Make) -> None:
    lesson = make_lessons(1)[0]
    with pytest.raises(ConfigError, match=r"got the marker 'level'; allowed are 'topic', 'difficulty' and 'metadata"):
        Marked(AnswerOnly(), ["level"]).exercises(lesson)
    with pytest.raises(ConfigError, match=r"dropout=2; allowed are numbers from 0 to 1"):
        Marked(AnswerOnly(), ["topic"], dropout=2).exercises(lesson)
