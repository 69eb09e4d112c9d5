from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lessons.graders import NumberGrader
from lessons.records import Annotation, Attempt, Message, Prompt, Provenance
from lessons.tables import write_attempts
from teachers.annotators import CritiqueAnnotator

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
SOURCE = Provenance("t", "m", "rationale/1", "k")
SPOTTED = "Step one is off.\nFirst wrong step: 1\nCorrected answer: 4\nVerdict: incorrect"


def rationale(answer: str, problem: str | None = None) -> Annotation:
    grade = NumberGrader().grade(answer, PROMPT)
    return Annotation("p", "rationale", 0, "because", SOURCE, answer=answer, problem=problem, grade=grade)


def critiques(
    answering: Any, annotator: CritiqueAnnotator, reply: str, earlier: list[Annotation]
) -> tuple[list[Annotation], list[str]]:
    asking, seen = answering(lambda request: reply, PROMPT, earlier, NumberGrader())
    found = asyncio.run(annotator.annotate(asking))
    return found, [request.messages[-1].content for request in seen]


def test_the_shipped_template_in_full() -> None:
    request = CritiqueAnnotator().subject_request(PROMPT, "because\nAnswer: 5", 0)
    assert request.messages[-1].content == (
        "A student was asked this question:\n\nWhat is 2+2?\n\nThe student's work, its steps numbered:\n\n"
        "1. because\n2. Answer: 5\n\nExamine the work step by step. Name the first step that is wrong, if any, say why "
        "it is wrong, and say what should be done instead.\n\nIf the work is right, end with this last line:\n"
        "Verdict: correct\n\nIf it is wrong, end with three last lines of exactly this form:\n"
        'First wrong step: <its number, or "none" if only something is missing>\n'
        "Corrected answer: <the right final answer>\nVerdict: incorrect"
    )


def test_wrong_rationales_are_critiqued_and_verdict_and_correction_are_graded(answering: Any) -> None:
    found, seen = critiques(answering, CritiqueAnnotator(), SPOTTED, [rationale("4"), rationale("5")])
    (critique,) = found
    assert len(seen) == 1
    assert (critique.subject, critique.answer, critique.text) == ("because\nAnswer: 5", "incorrect", "Step one is off.")
    assert critique.trusted
    assert critique.data == {
        "first_wrong_step": 1,
        "corrected_answer": "4",
        "correction_correct": True,
        "subject": {"kind": "rationale", "sample": 0, "author": "m", "correct": False},
    }


def test_a_critique_that_misjudges_is_kept_and_not_trusted(answering: Any) -> None:
    (critique,), _ = critiques(answering, CritiqueAnnotator(), "Fine.\nVerdict: correct", [rationale("5")])
    assert not critique.trusted
    assert critique.grade is not None
    assert (critique.grade.score, critique.grade.reason) == (0.0, "the attempt is incorrect")


def test_a_right_verdict_with_a_wrong_correction_is_worth_half_and_not_trusted(answering: Any) -> None:
    reply = SPOTTED.replace("answer: 4", "answer: 3")
    (critique,), _ = critiques(answering, CritiqueAnnotator(), reply, [rationale("5")])
    assert critique.grade is not None
    assert (critique.trusted, critique.grade.score) == (False, 0.5)
    assert critique.grade.reason == "the corrected answer is wrong: the reference is 4"
    assert critique.data["correction_correct"] is False


def test_without_verification_nothing_is_graded(answering: Any) -> None:
    (critique,), _ = critiques(answering, CritiqueAnnotator(verify=False), SPOTTED, [rationale("5")])
    assert critique.grade is None
    assert "correction_correct" not in critique.data


@pytest.mark.parametrize(("which", "count"), [("wrong", 1), ("right", 1), ("all", 2)])
def test_which_attempts_are_taken(which: Any, count: int, answering: Any) -> None:
    earlier = [rationale("4"), rationale("5"), rationale("6", problem="cut off")]
    found, _ = critiques(answering, CritiqueAnnotator(which=which, max_texts=9), SPOTTED, earlier)
    assert len(found) == count


def test_attempts_come_from_a_file(tmp_path: Path, answering: Any) -> None:
    path = tmp_path / "attempts.parquet"
    grade = NumberGrader().grade("5", PROMPT)
    write_attempts(
        path, [Attempt("p", "s", "Answer: 4"), Attempt("p", "s", "Answer: 5", grade=grade), Attempt("q", "s", "x")]
    )
    annotator = CritiqueAnnotator(attempts=str(path), max_texts=5)
    found, _ = critiques(answering, annotator, "Verdict: correct", [rationale("7")])
    assert [(c.subject, c.sample, c.trusted) for c in found] == [("Answer: 4", 0, True), ("Answer: 5", 1, False)]
    assert annotator.foresee(PROMPT)[1] == 4
    wrong = CritiqueAnnotator(attempts=str(path), which="wrong", max_texts=5)
    assert [subject.text for subject in wrong.known_subjects(PROMPT) or ()] == ["Answer: 5"]


def test_a_step_that_is_not_there_is_sent_back(answering: Any) -> None:
    texts = [SPOTTED.replace("step: 1", "step: 7"), SPOTTED]
    asking, seen = answering(texts, PROMPT, [rationale("5")], NumberGrader())
    (critique,) = asyncio.run(CritiqueAnnotator().annotate(asking))
    assert critique.problem is None
    assert "there is no step 7: the work has 2" in seen[1].messages[-1].content


def test_a_teacher_who_saw_the_reference_must_not_give_it_away(answering: Any) -> None:
    annotator = CritiqueAnnotator(show_reference=True)
    found, seen = critiques(
        answering, annotator, "You must get 4.\nFirst wrong step: 1\nVerdict: incorrect", [rationale("5")]
    )
    assert "The right answer is 4." in seen[0]
    assert "Corrected answer" not in seen[0]
    assert found[0].saw_reference
    assert found[0].problem == "gives the answer away: it says 'You must get 4.'"
    found, _ = critiques(answering, annotator, "Add again.\nVerdict: incorrect", [rationale("5")])
    assert found[0].trusted


def test_to_call_a_right_attempt_right_gives_nothing_away(answering: Any) -> None:
    annotator = CritiqueAnnotator(show_reference=True, which="right")
    (critique,), _ = critiques(answering, annotator, "Indeed, that is 4.\nVerdict: correct", [rationale("4")])
    assert critique.trusted


def test_an_example_stands_in_for_rationales_not_written_yet() -> None:
    assert CritiqueAnnotator().example(PROMPT) is not None
    assert CritiqueAnnotator().foresee(PROMPT) == ([], 2)
