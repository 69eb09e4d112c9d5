from __future__ import annotations

from collections.abc import Callable

from lessons.records import Lesson
from students import AnswerOnly, Span, Student, preview


def test_a_sequence_as_runs_of_equal_weight(tiny_student: Student, make_lessons: Callable[[int], list[Lesson]]) -> None:
    lesson = make_lessons(1)[0]
    asked, said = lesson.prompt.question, lesson.prompt.reference or ""
    example = AnswerOnly().render(lesson, tiny_student.encoder)[0]
    assert preview(example, tiny_student.tokenizer) == [
        Span(f"<|begin|><|user|>{asked}<|end|><|assistant|>", 0.0, len(asked) + 4),
        Span(f"{said}<|end|>", 1.0, len(said) + 1),
    ]
