from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lessons.errors import ConfigError, RenderingError
from lessons.records import Grade
from students import AnswerOnly, RationaleThenAnswer, Student, Tagged
from tests.students.renderings.written import PROMPT, SOURCE, lesson, note, read, spans

MISTAKES = {"right": "[CORRECT RATIONALE]", "wrong": "[INCORRECT RATIONALE]"}


def rationale(answer: str, **fields: Any) -> Any:
    right = answer == "4"
    return note(
        "rationale", f"It is {answer}.", answer=answer, grade=Grade(right, float(right), answer, "n/1"), **fields
    )


def test_mistakes_are_learnt_as_mistakes_and_the_exam_asks_for_none(ascii_student: Student) -> None:
    rendering = Tagged(RationaleThenAnswer(), by="grade", tags=MISTAKES, at_exam="right")
    found = [spans(ascii_student, rendering, lesson(rationale(answer)))[0] for answer in ("4", "5")]
    assert found == [
        [("<|begin|><|user|>[CORRECT RATIONALE] 2+2?<|end|><|assistant|>", 0.0), ("It is 4.\nAnswer: 4<|end|>", 1.0)],
        [("<|begin|><|user|>[INCORRECT RATIONALE] 2+2?<|end|><|assistant|>", 0.0), ("It is 5.\nAnswer: 5<|end|>", 1.0)],
    ]
    assert read(ascii_student, rendering) == found[0][0][0]
    assert Tagged(RationaleThenAnswer(), by="grade").exam_messages(PROMPT) == PROMPT.messages


@pytest.mark.parametrize(
    ("by", "tag"), [("value", "[high]"), ("model", "[model-1]"), ("kind", "[rationale]"), ("grade", "[right]")]
)
def test_what_decides(by: Any, tag: str) -> None:
    given = lesson(rationale("4", value=0.5))
    (exercise,) = Tagged(AnswerOnly(), by=by, template="{question} {tag}").exercises(given)
    assert exercise.messages[-1].content == f"2+2? {tag}"
    low = Tagged(AnswerOnly(), by="value", threshold=0.6, tags={"high": "<good>", "low": "<bad>"})
    assert low.exercises(given)[0].messages[-1].content == "<bad> 2+2?"


def test_tags_are_dropped_by_chance_and_for_good() -> None:
    lessons = [lesson(rationale("4"), name=f"p{k}", prompt=replace(PROMPT, id=f"p{k}")) for k in range(400)]

    def tagged(drop: float, seed: int = 0) -> list[bool]:
        rendering = Tagged(AnswerOnly(), by="grade", drop=drop, seed=seed)
        return ["[right]" in rendering.exercises(one)[0].messages[-1].content for one in lessons]

    assert sum(tagged(0.0)) == 400
    assert sum(tagged(1.0)) == 0
    assert 60 < sum(tagged(0.75)) < 140
    assert tagged(0.75) == tagged(0.75) != tagged(0.75, seed=1)
    assert all(more or not less for less, more in zip(tagged(0.75), tagged(0.5), strict=True))


def test_what_cannot_be_tagged_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"drop=1.5; allowed are chances from 0 to 1. Correct `drop`"):
        Tagged(AnswerOnly(), by="grade", drop=1.5).exercises(lesson(rationale("4")))
    with pytest.raises(RenderingError, match=r"has no grade, by which Tagged was to tag it.*a grader gives grades"):
        Tagged(AnswerOnly(), by="grade").exercises(lesson(note("rationale", "x", answer="4", source=SOURCE)))
    with pytest.raises(RenderingError, match=r"has no tag for 'wrong'.*it has right.*Add it to `tags`"):
        Tagged(AnswerOnly(), by="grade", tags={"right": "[r]"}).exercises(lesson(rationale("5")))
