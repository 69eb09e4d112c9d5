from __future__ import annotations

from lessons.records import Message, Prompt
from students import AnswerOnly, Student, SystemErased
from tests.students.renderings.written import lesson, read, spans

STRICT = Prompt("p", (Message("system", "Think in five steps."), Message("user", "2+2?")), reference="4")


def test_the_instruction_an_answer_was_written_under_is_not_read(ascii_student: Student) -> None:
    general = SystemErased(AnswerOnly(), "You are careful.")
    asked = "<|begin|><|system|>You are careful.<|end|><|user|>2+2?<|end|><|assistant|>"
    assert spans(ascii_student, general, lesson(prompt=STRICT)) == [[(asked, 0.0), ("4<|end|>", 1.0)]]
    assert read(ascii_student, general, STRICT) == asked
    bare = SystemErased(AnswerOnly())
    assert spans(ascii_student, bare, lesson(prompt=STRICT))[0][0][0] == read(ascii_student, bare, STRICT)
    assert "system" not in read(ascii_student, bare, STRICT)
