from __future__ import annotations

from dataclasses import replace

import pytest

from lessons.errors import RenderingError
from lessons.records import Annotation, Lesson, Message, Prompt, Provenance
from students import Critique
from tests.students.conftest import ask

SOURCE = Provenance("test", "test", "critique/1", "0" * 64)
PROMPT = Prompt("p", (Message("system", "s"), *ask("2+{attempt}=?")), reference="4")


def lesson(text: str, subject: str | None = "It is {question}.", answer: str | None = None) -> Lesson:
    return Lesson("p", PROMPT, (Annotation("p", "critique", 0, text, SOURCE, answer=answer, subject=subject),))


def test_the_student_reads_question_and_attempt_and_writes_the_critique() -> None:
    (exercise,) = Critique("Q: {question} A: {attempt}").exercises(lesson("Wrong.\nVerdict: incorrect"))
    assert exercise.messages == (Message("system", "s"), Message("user", "Q: 2+{attempt}=? A: It is {question}."))
    assert exercise.answer == "Wrong.\nVerdict: incorrect"


def test_a_verdict_kept_apart_is_written_as_its_line() -> None:
    assert Critique().exercises(lesson("Wrong.", answer="incorrect"))[0].answer == "Wrong.\nVerdict: incorrect"
    said = lesson("Wrong.\nverdict: incorrect", answer="incorrect")
    assert Critique().exercises(said)[0].answer == "Wrong.\nverdict: incorrect"


def test_other_kinds_of_critique_can_be_learnt() -> None:
    merged = replace(lesson("Wrong.", answer="incorrect").annotations[0], kind="merged_critique")
    (exercise,) = Critique(of="merged_critique").exercises(Lesson("p", PROMPT, (merged,)))
    assert exercise.answer == "Wrong.\nVerdict: incorrect"
    with pytest.raises(RenderingError, match=r"has no critique.*it has merged_critique"):
        Critique().exercises(Lesson("p", PROMPT, (merged,)))


def test_the_exam_asks_the_plain_question() -> None:
    assert Critique().exam_messages(PROMPT) == PROMPT.messages


def test_a_critique_of_nobody_knows_what() -> None:
    with pytest.raises(RenderingError, match=r"critique of lesson 'p' does not say which answer it judges.*`subject`"):
        Critique().exercises(lesson("Wrong.", subject=None))
