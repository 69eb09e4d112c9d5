from __future__ import annotations

from dataclasses import replace

import pytest

from lessons.errors import ConfigError
from lessons.graders import ExactGrader
from students import AnswerOnly, FollowGuidance, Generation, Student, WriteGuidance, answer, sit
from tests.students.renderings.written import PROMPT, lesson, note, read, spans

GUIDED = lesson(note("guidance", "Plan:\n1. Add."))


def test_the_first_student_learns_to_guide_and_is_asked_for_guidance(ascii_student: Student) -> None:
    rendering = WriteGuidance("{question} Plan!")
    asked = "<|begin|><|user|>2+2? Plan!<|end|><|assistant|>"
    assert spans(ascii_student, rendering, GUIDED) == [[(asked, 0.0), ("Plan:\n1. Add.<|end|>", 1.0)]]
    assert read(ascii_student, rendering) == asked


def test_the_second_reads_the_teachers_guidance_and_does_not_learn_it(ascii_student: Student) -> None:
    rendering = FollowGuidance(AnswerOnly(), template="{question} {hint}")
    asked = "<|begin|><|user|>2+2? Plan:\n1. Add.<|end|><|assistant|>"
    assert spans(ascii_student, rendering, GUIDED) == [[(asked, 0.0), ("4<|end|>", 1.0)]]
    assert rendering.exam_messages(PROMPT) == PROMPT.messages


def test_at_the_exam_the_first_students_guidance_is_read(ascii_student: Student) -> None:
    short, asking = Generation(max_new_tokens=5), WriteGuidance("{question} Plan!")
    rendering = FollowGuidance(AnswerOnly(), ascii_student, asking, short, template="{question} {hint}")
    prompts = [PROMPT, replace(PROMPT, id="q", messages=asking.exam_messages(PROMPT))]
    sit(ascii_student, prompts, ExactGrader(), short, rendering)
    for prompt in prompts:
        wrote = answer(ascii_student, [asking.exam_messages(prompt)], short)[0].text.strip()
        asked = rendering.exam_messages(prompt)[-1].content
        assert asked == f"{prompt.question} {wrote}"


def test_a_question_that_nobody_was_guided_through_is_refused(ascii_student: Student) -> None:
    with pytest.raises(ConfigError, match=r"guide has written nothing for the question 'p'.*prepare_exam"):
        FollowGuidance(AnswerOnly(), ascii_student).exam_messages(PROMPT)
