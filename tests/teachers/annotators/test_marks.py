"""Every annotator whose answers or verdicts the run's grader can mark, and what marking is the same for."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import DataError
from lessons.graders import NumberGrader
from lessons.records import Annotation, Message, Prompt, Provenance
from lessons.tables import read_annotations
from teachers import ScriptedBackend, annotators, distill
from teachers.annotators import (
    Annotator,
    AnswerAnnotator,
    CritiqueAnnotator,
    DialogueAnnotator,
    ExplanationAnnotator,
    FeedbackPredictionAnnotator,
    MergedCritiqueAnnotator,
    RationaleAnnotator,
    ReflectionAnnotator,
    RevisionAnnotator,
    StepsAnnotator,
    StepVerdictsAnnotator,
    StrategyAnnotator,
)
from teachers.backend import Request

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
SOURCE = Provenance("t", "m", "x/1", "k")
WRONG = "2+2=5\nAnswer: 5"
EARLIER = [
    Annotation("p", "rationale", 0, "2+2=5", SOURCE, answer="5"),
    *(
        Annotation("p", kind, 0, "Count again.", SOURCE, answer="incorrect", subject=WRONG)
        for kind in ("critique", "critique.second")
    ),
]
STUDENT = ScriptedBackend("student:f")
SETTINGS: dict[type[Any], dict[str, Any]] = {
    AnswerAnnotator: {},
    CritiqueAnnotator: {"which": "all"},
    DialogueAnnotator: {"student": STUDENT, "turns": 1},
    ExplanationAnnotator: {},
    FeedbackPredictionAnnotator: {},
    MergedCritiqueAnnotator: {},
    RationaleAnnotator: {"max_asks": 1},
    ReflectionAnnotator: {},
    RevisionAnnotator: {},
    StepsAnnotator: {},
    StepVerdictsAnnotator: {},
}
BY_NAME = sorted(SETTINGS, key=lambda kind: kind.__name__)


def reply(right: bool) -> Any:
    """Answer the question, or judge the wrong solution, rightly or not."""
    answer = "Answer: 4" if right else "Answer: 5"
    verdict = "Verdict: incorrect" if right else "Verdict: correct"
    judgements = "Critique 1: sound\nCritique 2: sound"
    texts = {
        "answer": answer,
        "critique": f"Count.\n{verdict}",
        "feedback_prediction": f"Count.\n{verdict}",
        "merged_critique": f"{judgements}\nMerged critique:\nCount.\n{verdict}",
        "reflection": f"Alternative: Count.\nFollow-up: And 3?\n{answer}",
        "step_verdicts": f"Step 1: {'incorrect' if right else 'correct'}\nStep 2: correct",
        "steps": f"1. Count.\n{answer}",
    }

    def said(request: Request) -> str:
        if "write only the word READY" in request.messages[-1].content:
            return "READY"
        return texts.get(request.metadata["kind"], f"Count.\n{answer}")

    return said


def written(answering: Any, made: Any, right: bool, grader: Any, prompt: Prompt = PROMPT) -> list[Annotation]:
    asking, seen = answering(reply(right), prompt, EARLIER, grader, others=reply(right))
    try:
        found = asyncio.run(made.annotate(asking))
    except DataError:
        assert seen == []
        raise
    assert seen
    assert all(one.problem is None for one in found)
    return list(found)


def test_these_are_all_that_can_be_told_not_to_verify() -> None:
    named = [getattr(annotators, name) for name in annotators.__all__]
    known = {one for one in named if inspect.isclass(one) and issubclass(one, Annotator)} - {Annotator}
    assert {one for one in known if "verify" in inspect.signature(one).parameters} == set(SETTINGS)


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("kind", [*BY_NAME, StrategyAnnotator])
def test_what_is_written_is_marked_where_the_run_has_a_grader(kind: type[Any], right: bool, answering: Any) -> None:
    made = kind(**SETTINGS.get(kind, {}))
    found = written(answering, made, right, NumberGrader())
    assert [one.grade is not None and one.grade.correct for one in found] == [right] * len(found)
    assert all(one.grade is None for one in written(answering, made, right, None))


@pytest.mark.parametrize("kind", BY_NAME)
def test_what_is_not_to_be_verified_is_not_marked_whether_or_not_it_could_be(kind: type[Any], answering: Any) -> None:
    made = kind(**SETTINGS[kind], verify=False)
    for prompt in (PROMPT, Prompt("p", PROMPT.messages)):
        assert all(one.grade is None for one in written(answering, made, False, NumberGrader(), prompt))


@pytest.mark.parametrize("kind", [*BY_NAME, StrategyAnnotator])
def test_what_cannot_be_graded_is_refused_before_anything_is_asked(kind: type[Any], answering: Any) -> None:
    made = kind(**SETTINGS.get(kind, {}))
    with pytest.raises(DataError, match="cannot grade the prompt 'p': it has no reference answer"):
        written(answering, made, True, NumberGrader(), Prompt("p", PROMPT.messages))


def test_samples_that_share_calls_are_refused_before_them_too(answering: Any) -> None:
    made = RationaleAnnotator(samples=3)
    with pytest.raises(DataError, match="cannot grade the prompt 'p'"):
        written(answering, made, True, NumberGrader(), Prompt("p", PROMPT.messages))


def test_marks_are_made_from_replies_that_were_paid_for_without_them(tmp_path: Path, sums: Any) -> None:
    pupil, tutor = (ScriptedBackend(f"teachers.programs.tutor:{name}") for name in ("pupil", "answer"))

    def run(verify: bool) -> tuple[int, list[Annotation]]:
        made = [
            RationaleAnnotator(max_asks=1, verify=verify),
            CritiqueAnnotator(which="all", verify=verify),
            RevisionAnnotator(verdict="any", trusted_only=False, verify=verify),
            DialogueAnnotator(pupil, answer_first=True, verify=verify),
        ]
        out = tmp_path / f"{verify}.parquet"
        summary = distill(sums(6), tutor, made, NumberGrader(), tmp_path / "ledger", out, progress=False)
        return summary.calls, list(read_annotations(out))

    (paid, unmarked), (again, marked) = run(verify=False), run(verify=True)
    assert (paid > 0, again) == (True, 0)
    assert all(one.grade is None for one in unmarked)
    assert all(one.grade is not None for one in marked)
    assert [(a.text, a.answer, a.provenance.request_key) for a in marked] == [
        (a.text, a.answer, a.provenance.request_key) for a in unmarked
    ]
