from __future__ import annotations

from collections.abc import Callable

from lessons.records import Lesson
from students import AnswerOnly, Example, Student

Make = Callable[[int], list[Lesson]]


def decoded(student: Student, example: Example, supervised: bool) -> str:
    pairs = zip(example.input_ids, example.weights, strict=True)
    return str(student.tokenizer.decode([token for token, weight in pairs if (weight > 0) == supervised]))


def test_weights_are_one_from_the_answer_to_the_end_of_turn(tiny_student: Student, make_lessons: Make) -> None:
    lesson = make_lessons(1)[0]
    example = AnswerOnly().render(lesson, tiny_student.encoder)[0]
    assert decoded(tiny_student, example, True) == f"{lesson.prompt.reference}<|end|>"
    assert decoded(tiny_student, example, False) == f"<|begin|><|user|>{lesson.prompt.question}<|end|><|assistant|>"
    assert set(example.weights) == {0.0, 1.0}
