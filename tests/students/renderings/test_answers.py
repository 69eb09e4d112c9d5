from __future__ import annotations

from dataclasses import replace

import pytest

from lessons.errors import RenderingError
from lessons.records import Annotation, Lesson, Prompt, Provenance
from students import AnswerOnly, RationaleThenAnswer
from students.renderings.answers import answer_of
from tests.students.conftest import ask

SOURCE = Provenance("test", "test", "rationale/1", "0" * 64)
PROMPT = Prompt("p", ask("2+2=?"), reference="4.0")
RATIONALE = Annotation("p", "rationale", 0, " Two and two. ", SOURCE, answer="4")
LESSON = Lesson("p", PROMPT, (RATIONALE,))


def test_answer_only_prefers_the_reference() -> None:
    assert [e.answer for e in AnswerOnly().exercises(LESSON)] == ["4.0"]
    assert [e.answer for e in AnswerOnly(answer_from="teacher").exercises(LESSON)] == ["4"]


def test_each_source_stands_in_for_the_other() -> None:
    bare = Lesson("p", PROMPT)
    taught = replace(LESSON, prompt=replace(PROMPT, reference=None))
    assert answer_of(bare, "teacher") == "4.0"
    assert answer_of(taught, "reference") == "4"
    assert answer_of(Lesson("p", taught.prompt, (Annotation("p", "answer", 0, "four", SOURCE),)), "teacher") == "four"


def test_rationale_then_answer() -> None:
    exercise = RationaleThenAnswer().exercises(LESSON)[0]
    assert exercise.answer == "Two and two.\nAnswer: 4"
    assert exercise.messages == PROMPT.messages


def test_no_answer_at_all() -> None:
    with pytest.raises(RenderingError, match=r"Lesson 'p' has no final answer.*\(none\).*target: rationale"):
        AnswerOnly().exercises(Lesson("p", replace(PROMPT, reference=None)))


def test_no_rationale() -> None:
    with pytest.raises(
        RenderingError, match=r"Lesson 'p' has no rationale, which RationaleThenAnswer.*target: rationale"
    ):
        RationaleThenAnswer().exercises(Lesson("p", PROMPT))


def test_an_empty_rationale_is_not_said_to_be_missing() -> None:
    lesson = Lesson("p", PROMPT, (replace(RATIONALE, text=" \n"),))
    with pytest.raises(RenderingError, match=r"'p' has an empty rationale \(' \\n'\), .* Remove that row"):
        RationaleThenAnswer().exercises(lesson)
