from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Grade, Prompt
from students import AnswerOnly, Generation, Student, TwoTask, answer, sit
from tests.students.conftest import ask


class LengthGrader(Grader):
    """Right when the answer has characters."""

    def grade(self, text: str, prompt: Prompt) -> Grade:
        return Grade(bool(text), float(bool(text)), text, self.name)


PROMPTS = [Prompt(f"p{k}", ask(f"{k}+{k}=?"), reference=str(2 * k)) for k in range(5)]


def test_attempts_hold_what_was_said_and_its_mark(tiny_student: Student) -> None:
    generation = Generation(max_new_tokens=6, batch_size=2)
    attempts = sit(tiny_student, PROMPTS, LengthGrader(), generation)
    said = answer(tiny_student, [p.messages for p in PROMPTS], generation)
    assert [(a.prompt_id, a.text, a.tokens, a.truncated) for a in attempts] == [
        (p.id, g.text, g.tokens, g.truncated) for p, g in zip(PROMPTS, said, strict=True)
    ]
    assert all(a.grade is not None and a.grade.grader == "length/1" for a in attempts)
    assert {a.author for a in attempts} == {tiny_student.weights.name}


def test_several_samples_of_a_prompt(tiny_student: Student) -> None:
    generation = Generation(max_new_tokens=12, temperature=1.0)
    attempts = sit(tiny_student, PROMPTS, LengthGrader(), generation, author="me", samples=3)
    assert [(a.prompt_id, a.sample) for a in attempts] == [(p.id, k) for p in PROMPTS for k in range(3)]
    assert len({a.text for a in attempts}) > 10
    assert {a.author for a in attempts} == {"me"}


@pytest.mark.parametrize(("samples", "generation"), [(0, None), (3, None), (2, Generation(temperature=0.0))])
def test_equal_samples_and_none_are_refused(tiny_student: Student, samples: int, generation: Generation | None) -> None:
    with pytest.raises(ConfigError, match=rf"samples={samples} at temperature 0 cannot be sat; .* generation.temp"):
        sit(tiny_student, PROMPTS, LengthGrader(), generation, samples=samples)


def test_questions_are_put_as_the_rendering_taught(tiny_student: Student) -> None:
    rendering = TwoTask(predict_prefix="predict: ")
    seen = []

    class Spy(TwoTask):
        def exam_messages(self, prompt: Prompt):  # type: ignore[no-untyped-def]
            seen.append(prompt.id)
            return rendering.exam_messages(prompt)

    spied = sit(tiny_student, PROMPTS, LengthGrader(), Generation(6), Spy())
    asked = answer(tiny_student, [ask(f"predict: {p.question}") for p in PROMPTS], Generation(6))
    assert [a.text for a in spied] == [g.text for g in asked]
    assert seen == [p.id for p in PROMPTS]


def test_reading_stops_where_the_rendering_says(tiny_student: Student) -> None:
    loud = Generation(12, temperature=1.0)
    said = answer(tiny_student, [PROMPTS[0].messages], loud)[0].text
    mark = said[3:5]

    class Stopping(AnswerOnly):
        stop_text = mark

    (attempt,) = sit(tiny_student, PROMPTS[:1], LengthGrader(), loud, Stopping())
    assert attempt.text == said.partition(mark)[0].rstrip()
    assert attempt.grade is not None
    assert attempt.grade.answer == attempt.text
    assert 0 < len(attempt.text) < len(said)
    assert not attempt.truncated
    assert attempt.tokens is not None
    assert attempt.tokens < 12  # nothing is written after it
    (plain,) = sit(tiny_student, PROMPTS[:1], LengthGrader(), loud, AnswerOnly())
    assert (plain.text, plain.truncated) == (said, True)
