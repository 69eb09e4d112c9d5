from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.graders import NumberGrader
from lessons.records import Annotation, Attempt, Message, Prompt, Provenance
from lessons.tables import write_attempts
from teachers.annotators import Asking, CritiqueAnnotator, ParseProblem
from teachers.backend import Completion, Request
from teachers.caller import Reply

PROMPT = Prompt("p", (Message("user", "2+2?"),), reference="4")
SOURCE = Provenance("t", "m", "rationale/1", "k")


def completion(text: str) -> Completion:
    return Completion(text, "stop", 1, 1, "m")


def critiques(
    annotator: CritiqueAnnotator, answer: str, earlier: list[Annotation]
) -> tuple[list[Annotation], list[str]]:
    seen: list[str] = []

    async def ask(request: Request) -> Reply:
        seen.append(request.messages[-1].content)
        return Reply(completion(answer), "key", None, False)

    asking = Asking(PROMPT, ask, "T", "m", NumberGrader(), earlier)
    return asyncio.run(annotator.annotate(asking)), seen


def rationale(answer: str, problem: str | None = None) -> Annotation:
    grade = NumberGrader().grade(answer, PROMPT)
    return Annotation("p", "rationale", 0, "because", SOURCE, answer=answer, problem=problem, grade=grade)


def test_wrong_rationales_are_critiqued_and_the_verdict_is_graded() -> None:
    found, seen = critiques(
        CritiqueAnnotator(), "Step one is off.\nVerdict: incorrect", [rationale("4"), rationale("5")]
    )
    (critique,) = found
    assert (critique.subject, critique.answer, critique.text) == ("because\nAnswer: 5", "incorrect", "Step one is off.")
    assert critique.trusted
    assert "because\nAnswer: 5" in seen[0]
    assert "right answer" not in seen[0]


def test_a_critique_that_misjudges_is_kept_and_not_trusted() -> None:
    (critique,), _ = critiques(CritiqueAnnotator(), "Fine.\nVerdict: correct", [rationale("5")])
    assert not critique.trusted
    assert critique.grade is not None
    assert critique.grade.reason == "the attempt is incorrect"


def test_what_could_not_be_read_is_not_critiqued() -> None:
    found, _ = critiques(CritiqueAnnotator(of="all"), "Verdict: correct", [rationale("5", problem="cut off")])
    assert found == []


def test_attempts_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "attempts.parquet"
    write_attempts(path, [Attempt("p", "s", "Answer: 4"), Attempt("p", "s", "Answer: 5"), Attempt("q", "s", "x")])
    annotator = CritiqueAnnotator(attempts=str(path), max_critiques=5)
    found, _ = critiques(annotator, "Verdict: correct", [rationale("7")])
    assert [(c.subject, c.sample, c.trusted) for c in found] == [("Answer: 4", 0, True), ("Answer: 5", 1, False)]
    assert len(annotator.foresee(PROMPT)[0]) == 2


@pytest.mark.parametrize("text", ["Fine.", "Verdict: maybe", "Verdict: not correct", "The verdict: correct?"])
def test_other_verdicts_are_problems(text: str) -> None:
    with pytest.raises(ParseProblem, match=r"[Vv]erdict"):
        CritiqueAnnotator().parse(completion(text), PROMPT)


@given(st.text() | st.text(alphabet="Verdict: corect\nin*."))
def test_nothing_but_the_documented_error_is_raised(text: str) -> None:
    try:
        fields: Any = CritiqueAnnotator().parse(completion(text), PROMPT)
    except ParseProblem:
        return
    assert fields.answer in ("correct", "incorrect")


def test_an_example_stands_in_for_rationales_not_written_yet() -> None:
    example = CritiqueAnnotator().example(PROMPT)
    assert example is not None
    assert CritiqueAnnotator().foresee(PROMPT) == ([], 1)
