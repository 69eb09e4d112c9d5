from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from lessons.graders import NumberGrader
from lessons.records import Annotation, Message, Prompt, Provenance
from teachers.annotators import MergedCritiqueAnnotator, ParseProblem
from teachers.annotators.merged_critique import read_merged

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
MERGED = """\
I get 4.
Critique 1: sound
**Critique 2:** Unsound.

Merged critique:
The sum is off by one.
First wrong step: 1
Corrected answer: 4
Verdict: incorrect"""


def critique(kind: str, verdict: str, subject: str = "2+2=5\nAnswer: 5", saw_reference: bool = False) -> Annotation:
    source = Provenance("t", f"m-{kind}", "critique/2", f"k-{kind}")
    return Annotation(
        "p", kind, 0, f"{kind} says so.", source, answer=verdict, subject=subject, saw_reference=saw_reference
    )


BOTH = [critique("critique", "incorrect"), critique("critique.second", "correct")]


def merge(answering: Any, reply: str, earlier: list[Annotation], **settings: Any) -> tuple[list[Annotation], list[Any]]:
    asking, seen = answering(lambda request: reply, PROMPT, earlier, NumberGrader())
    return asyncio.run(MergedCritiqueAnnotator(**settings).annotate(asking)), seen


def test_the_critiques_of_one_attempt_are_judged_and_merged_and_the_merged_verdict_graded(answering: Any) -> None:
    (found,), seen = merge(answering, MERGED, BOTH)
    asked = seen[0].messages[-1].content
    assert "Critique 1 of this work:\n\ncritique says so.\nVerdict: incorrect\n\nCritique 2 of this work:" in asked
    assert "Critique 1: <sound, partly sound or unsound>\nCritique 2: <sound, partly sound or unsound>" in asked
    assert "m-critique" not in asked
    assert (found.text, found.answer, found.subject) == (
        "The sum is off by one.",
        "incorrect",
        "2+2=5\nAnswer: 5",
    )
    assert found.trusted
    assert found.data == {
        "first_wrong_step": 1,
        "corrected_answer": "4",
        "correction_correct": True,
        "judgements": ["sound", "unsound"],
        "merged": [
            {
                "kind": "critique",
                "sample": 0,
                "author": "m-critique",
                "request_key": "k-critique",
                "verdict": "incorrect",
            },
            {
                "kind": "critique.second",
                "sample": 0,
                "author": "m-critique.second",
                "request_key": "k-critique.second",
                "verdict": "correct",
            },
        ],
    }


def test_a_merged_critique_that_misjudges_is_not_trusted(answering: Any) -> None:
    reply = "Critique 1: unsound\nCritique 2: sound\nMerged critique:\nAll is well.\nVerdict: correct"
    (found,), _ = merge(answering, reply, BOTH)
    assert found.grade is not None
    assert (found.trusted, found.grade.reason) == (False, "the attempt is incorrect")


def test_attempts_with_too_few_critiques_are_left_out(answering: Any) -> None:
    alone = critique("critique.third", "incorrect", subject="another")
    found, _ = merge(answering, MERGED, [*BOTH, alone], max_texts=5)
    assert [annotation.subject for annotation in found] == ["2+2=5\nAnswer: 5"]
    assert merge(answering, MERGED, [BOTH[0]])[0] == []


def test_what_a_critic_with_the_reference_wrote_marks_the_merged_critique_too(answering: Any) -> None:
    told = critique("critique.told", "incorrect", saw_reference=True)
    (found,), _ = merge(answering, MERGED.replace("off by one", "4"), [BOTH[0], told])
    assert found.saw_reference
    assert found.problem == "gives the answer away: it says 'The sum is 4.'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Verdict: correct", "no section"),
        ("Critique 1: sound\nMerged critique:\nVerdict: correct", 'no line "Critique 2'),
        ("Critique 1: sound\nCritique 2: good\nMerged critique:\nVerdict: correct", "the critique 2 'good' is not"),
        ("Critique 1: sound\nCritique 2: sound\nMerged critique:\nFine.", 'no line "Verdict'),
    ],
)
def test_other_replies_are_problems(text: str, message: str) -> None:
    with pytest.raises(ParseProblem, match=message):
        read_merged(text, "work", 2)


PIECES = ["Critique 1: ", "Critique 2: ", "sound", "\n", "Merged critique:", "Verdict: correct", "9"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join), st.none() | st.integers(1, 3))
def test_nothing_but_the_documented_error_is_raised(text: str, count: int | None) -> None:
    try:
        fields = read_merged(text, None, count)
    except ParseProblem:
        return
    assert len(fields.data["judgements"]) == count or count is None


def test_no_critique_is_never_enough() -> None:
    with pytest.raises(ConfigError, match=r"min_critiques is 0; at least 1 critique.*2 is usual"):
        MergedCritiqueAnnotator(min_critiques=0).check(None)
