from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.graders import NumberGrader
from lessons.records import Annotation, Grade, Message, Prompt, Provenance
from lessons.tables import write_annotations
from teachers.annotators import ParseProblem, RevisionAnnotator
from teachers.backend import Completion

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
WRONG, RIGHT = "2+2=5\nAnswer: 5", "2+2=4\nAnswer: 4"


def critique(subject: str = WRONG, verdict: str = "incorrect", kind: str = "critique", **more: Any) -> Annotation:
    source = Provenance("t", "critic", "critique/2", "key-of-critique")
    data = {"corrected_answer": "77"}
    return Annotation("p", kind, 0, "Count again.", source, answer=verdict, subject=subject, data=data, **more)


def revise(
    answering: Any, reply: str, earlier: list[Annotation], **settings: Any
) -> tuple[list[Annotation], list[Any]]:
    asking, seen = answering(lambda request: reply, PROMPT, earlier, NumberGrader())
    return asyncio.run(RevisionAnnotator(**settings).annotate(asking)), seen


def test_an_attempt_is_revised_from_its_critique_and_the_revision_graded(answering: Any) -> None:
    (found,), seen = revise(answering, "2+2=4\nAnswer: 4", [critique()])
    asked = seen[0].messages[-1].content
    assert f"This answer was given:\n\n{WRONG}\n\nA critique of it says:\n\nCount again.\n" in asked
    assert "77" not in asked
    assert (found.subject, found.text, found.answer, found.trusted) == (WRONG, "2+2=4", "4", True)
    assert found.data == {
        "critique": "Count again.",
        "critiqued_by": {
            "kind": "critique",
            "sample": 0,
            "author": "critic",
            "request_key": "key-of-critique",
            "verdict": "incorrect",
        },
        "attempt_correct": False,
        "gain": 1.0,
    }


@pytest.mark.parametrize(("subject", "gain"), [(WRONG, 0.0), (RIGHT, -1.0)])
def test_a_wrong_revision_is_never_trusted(subject: str, gain: float, answering: Any) -> None:
    (found,), _ = revise(answering, "Answer: 6", [critique(subject)])
    assert not found.trusted
    assert found.data["gain"] == gain


def test_only_trusted_critiques_of_the_kind_and_verdict_are_used(answering: Any) -> None:
    misjudged = critique(grade=Grade(False, 0.0, "incorrect", "g"))
    broken = critique(problem="cut off")
    praise = critique(RIGHT, "correct")
    merged = critique(kind="merged_critique")
    earlier = [misjudged, broken, praise, merged]
    assert revise(answering, "Answer: 4", earlier)[0] == []
    assert len(revise(answering, "Answer: 4", earlier, trusted_only=False)[0]) == 1
    (kept,), _ = revise(answering, "Answer: 4", earlier, verdict="correct")
    assert (kept.subject, kept.data["gain"]) == (RIGHT, 0.0)
    (found,), _ = revise(answering, "Answer: 4", earlier, of="merged_critique", verdict="any", max_texts=9)
    assert found.data["critiqued_by"]["kind"] == "merged_critique"


def test_critiques_come_from_a_file(tmp_path: Path, answering: Any) -> None:
    path = tmp_path / "lessons.parquet"
    write_annotations(path, [critique(), critique(problem="cut off")])
    annotator = RevisionAnnotator(critiques=str(path), max_texts=5)
    sure, most = annotator.foresee(PROMPT)
    asking, seen = answering(["no answer line", "Answer: 4"], PROMPT, [], NumberGrader())
    (found,) = asyncio.run(annotator.annotate(asking))
    assert (sure, most, found.trusted) == (seen[:1], 2, True)


def test_what_follows_from_a_critique_with_the_reference_is_marked(answering: Any) -> None:
    (found,), _ = revise(answering, "Answer: 4", [critique(saw_reference=True)])
    assert found.saw_reference


def test_without_a_file_the_estimate_uses_texts_of_typical_length() -> None:
    annotator = RevisionAnnotator(max_texts=3)
    assert annotator.foresee(PROMPT) == ([], 6)
    assert annotator.example(PROMPT) is not None


@given(st.text() | st.text(alphabet="Answer: 4\n*"))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields = RevisionAnnotator().parse(Completion(text, "stop", 1, 1, "m"), PROMPT)
    except ParseProblem:
        return
    assert fields.answer
