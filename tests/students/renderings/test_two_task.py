from __future__ import annotations

from collections.abc import Callable

import pytest

from lessons.errors import ConfigError
from lessons.records import Lesson, Message
from students import Encoder, TwoTask


def test_two_tasks_told_apart_by_their_prefix(
    make_lessons: Callable[[int], list[Lesson]], smollm2_encoder: Encoder
) -> None:
    lesson, rendering = make_lessons(1)[0], TwoTask(rationale_weight=0.25)
    label, rationale = rendering.exercises(lesson)
    assert rendering.parts == {"label": 0.75, "rationale": 0.25}
    assert (label.part, rationale.part) == ("label", "rationale")
    assert label.messages == (Message("user", f"[predict] {lesson.prompt.question}"),)
    assert rationale.messages == (Message("user", f"[explain] {lesson.prompt.question}"),)
    assert label.answer == lesson.prompt.reference
    assert rationale.answer == lesson.annotations[0].text
    assert [e.part for e in rendering.render(lesson, smollm2_encoder)] == ["label", "rationale"]


def test_the_exam_asks_for_the_answer_as_trained(make_lessons: Callable[[int], list[Lesson]]) -> None:
    lesson, rendering = make_lessons(1)[0], TwoTask()
    assert rendering.exam_messages(lesson.prompt) == rendering.exercises(lesson)[0].messages


def test_without_the_rationale_task_no_rationale_is_needed(make_lessons: Callable[[int], list[Lesson]]) -> None:
    lesson, rendering = make_lessons(1)[0], TwoTask(rationale_weight=0)
    assert rendering.parts == {"label": 1.0}
    assert len(rendering.exercises(Lesson(lesson.id, lesson.prompt))) == 1


@pytest.mark.parametrize("weight", [-0.1, 1.0, float("nan")])
def test_weight_outside_its_range(weight: float) -> None:
    with pytest.raises(ConfigError, match=r"rationale_weight is .*at least 0 and below 1.*lambda / \(1 \+ lambda\)"):
        TwoTask(weight)
