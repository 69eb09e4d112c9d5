from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.graders import NumberGrader
from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators import ParseProblem, ReflectionAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4", metadata={"solution": "Two twos are 4."})
GOOD = "Alternative: Count on from 2.\n3, 4.\nFollow-up: n+n is 2n.\nAnswer: 4"


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def rationale(text: str, answer: str, saw: bool = False) -> Annotation:
    source = Provenance("t", "m", "rationale/1", "k")
    grade = NumberGrader().grade(answer, PROMPT)
    return Annotation("p", "rationale", 0, text, source, answer=answer, grade=grade, saw_reference=saw)


def test_the_other_way_and_the_follow_up_become_data() -> None:
    fields = ReflectionAnnotator().parse(completion(GOOD), PROMPT)
    assert fields.data == {"alternative": "Count on from 2.\n3, 4.", "follow_up": "n+n is 2n."}
    assert (fields.text, fields.answer) == ("Alternative: Count on from 2.\n3, 4.\n\nFollow-up: n+n is 2n.", "4")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Alternative: a\nFollow-up: b", 'no line "Answer: ..."'),
        ("Alternative: a\nAnswer: 4", 'no "Follow-up: ..."'),
        ("Well.\n" + GOOD, "there is text before"),
    ],
)
def test_other_forms_are_problems_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseProblem, match=reason):
        ReflectionAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text("Alternative: Folw-up\nns4"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = ReflectionAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.answer


def test_the_first_trusted_solution_is_reflected_on_and_the_other_way_is_graded(answering: Any) -> None:
    earlier = [rationale("2+2=5", "5"), rationale("2+2=4", "4"), rationale("2*2=4", "4")]
    asking, seen = answering([GOOD.replace("Answer: 4", "Answer: 5")], PROMPT, earlier, NumberGrader())
    (found,) = asyncio.run(ReflectionAnnotator().annotate(asking))
    assert found.subject == "2+2=4\nAnswer: 4"
    assert "Solution:\n2+2=4\nAnswer: 4\n" in seen[0].messages[-1].content
    assert "right answer" not in seen[0].messages[-1].content
    assert (found.trusted, found.saw_reference) == (False, False)


def test_the_data_s_own_solution_goes_first_and_counts_as_the_reference(answering: Any) -> None:
    asking, _ = answering([GOOD], PROMPT, [rationale("2+2=4", "4")], NumberGrader())
    annotator = ReflectionAnnotator(solution_field="solution")
    (found,) = asyncio.run(annotator.annotate(asking))
    assert (found.subject, found.trusted, found.saw_reference) == ("Two twos are 4.", True, True)
    assert len(annotator.foresee(PROMPT)[0]) == 1


def test_a_solution_whose_writer_saw_the_reference_passes_that_on(answering: Any) -> None:
    asking, _ = answering([GOOD], PROMPT, [rationale("2+2=4", "4", saw=True)])
    (found,) = asyncio.run(ReflectionAnnotator().annotate(asking))
    assert found.saw_reference


def test_without_a_trusted_solution_nothing_is_asked(answering: Any) -> None:
    asking, seen = answering([], PROMPT, [rationale("2+2=5", "5")])
    assert asyncio.run(ReflectionAnnotator().annotate(asking)) == []
    assert seen == []
    assert ReflectionAnnotator().foresee(PROMPT) == ([], 2)
    assert ReflectionAnnotator().example(PROMPT) is not None
