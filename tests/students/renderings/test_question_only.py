from __future__ import annotations

from lessons.records import Lesson, Message, Prompt
from students import QuestionOnly, Student
from tests.students.conftest import tiny_weights

LESSONS = [Lesson(f"p{k}", Prompt(f"p{k}", (Message("user", f"{k}+2=?"),)), ()) for k in range(3)]


def test_the_question_is_put_as_at_the_exam_and_only_the_end_stands_for_the_answer() -> None:
    encoder = Student(tiny_weights()).encoder
    for lesson, (example,) in zip(LESSONS, QuestionOnly().render_batch(LESSONS, encoder), strict=True):
        asked = encoder.prompt_ids(QuestionOnly().exam_messages(lesson.prompt))
        assert example.input_ids == [*asked, encoder.end_of_turn]
        assert example.weights == [0.0] * len(asked) + [1.0]
        assert (example.lesson_id, example.part) == (lesson.id, "answer")
