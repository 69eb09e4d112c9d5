from __future__ import annotations

from typing import Any

import pytest

from lessons.errors import ConfigError, RenderingError
from students import AnswerOnly, RationaleThenAnswer, Student, Tagged, Together, TwoTask, Views
from tests.students.renderings.written import PROMPT, lesson, note, read, spans

GIVEN = lesson(note("rationale", "Two and two.", answer="4"), note("steps", "1. add", answer="4"))


def test_a_lesson_is_taught_in_each_view_under_its_own_tag(ascii_student: Student) -> None:
    """MinT: one question, several styles of solution, each asked for by name."""
    views = [
        Tagged(RationaleThenAnswer(of=kind), by="kind", of=kind, at_exam=kind, template="{question} {tag}")
        for kind in ("rationale", "steps")
    ]
    rendering = Together(views)
    assert spans(ascii_student, rendering, GIVEN) == [
        [("<|begin|><|user|>2+2? [rationale]<|end|><|assistant|>", 0.0), ("Two and two.\nAnswer: 4<|end|>", 1.0)],
        [("<|begin|><|user|>2+2? [steps]<|end|><|assistant|>", 0.0), ("1. add\nAnswer: 4<|end|>", 1.0)],
    ]
    assert read(ascii_student, rendering) == "<|begin|><|user|>2+2? [rationale]<|end|><|assistant|>"


def test_parts_come_together() -> None:
    assert Together([AnswerOnly(), RationaleThenAnswer()]).parts == {"answer": 1.0}
    assert Together([AnswerOnly(), TwoTask(0.25)]).parts == {"answer": 1.0, "label": 0.75, "rationale": 0.25}


@pytest.mark.parametrize("renderings", [[], [TwoTask(0.25), TwoTask(0.5)], [Views([AnswerOnly()] * 2)]])
def test_renderings_that_do_not_fit_together_are_refused(renderings: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"Together got .*needed is at least one, none with views, and the same weight"
    ):
        assert Together(renderings).parts


def test_every_way_needs_its_text() -> None:
    with pytest.raises(RenderingError, match="has no plan, which RationaleThenAnswer trains on"):
        Together([AnswerOnly(), RationaleThenAnswer(of="plan")]).exercises(GIVEN)
    assert Together([AnswerOnly()]).exam_messages(PROMPT) == PROMPT.messages
