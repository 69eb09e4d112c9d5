from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import ConfigError
from lessons.records import Annotation, Attempt, Grade, Message, Prompt, Provenance
from lessons.tables import write_attempts
from teachers.annotators import JudgeAnnotator
from teachers.annotators.subjects import Subject, attempt_subjects, earlier_subjects, whole_text

PROMPT = Prompt("p", (Message("user", "What is 2+2?"),), reference="4")
RIGHT, WRONG = Grade(True, 1.0, "4", "number/1"), Grade(False, 0.0, "5", "number/1", "wrong")


def written(text: str, answer: str | None = None, kind: str = "rationale", **more: Any) -> Annotation:
    return Annotation("p", kind, more.pop("sample", 0), text, Provenance("T", "m", "x/1", "k"), answer, **more)


def test_texts_of_the_run_carry_their_answer_and_their_mark() -> None:
    earlier = [
        written("two and two", "4", grade=RIGHT),
        written("other", kind="hint"),
        written("two and two", "4", sample=1),
        written("cut", problem="cut off", sample=2),
        written("", "5", grade=WRONG, sample=3),
    ]
    assert earlier_subjects(earlier, "rationale") == [
        Subject("two and two\nAnswer: 4", "rationale", 0, "m", True),
        Subject("Answer: 5", "rationale", 3, "m", False),
    ]
    assert whole_text(written("just this")) == "just this"


@pytest.fixture
def attempts(tmp_path: Path) -> str:
    path = tmp_path / "attempts.parquet"
    rows = [Attempt("p", "s", "4", 0, RIGHT), Attempt("q", "s", "x"), Attempt("p", "s", "4", 1), Attempt("p", "s", "5")]
    write_attempts(path, rows)
    return str(path)


def test_attempts_come_from_a_file_without_repetitions(attempts: str) -> None:
    found = attempt_subjects(attempts)
    assert found["p"] == [Subject("4", "attempt", 0, "s", True), Subject("5", "attempt", 0, "s", None)]


def test_each_text_is_asked_about_and_named_as_the_subject(attempts: str, answering: Any) -> None:
    asking, seen = answering(lambda request: "Fine.\nScore: 10")
    annotator = JudgeAnnotator(attempts, max_texts=5)
    found = asyncio.run(annotator.annotate(asking))
    assert [(a.subject, a.sample, a.data["subject"]["correct"]) for a in found] == [("4", 0, True), ("5", 1, None)]
    assert [request.sample for request in seen] == [0, 1]
    assert annotator.foresee(asking.prompt) == (seen, 4)


def test_the_number_of_texts_is_bounded(attempts: str, answering: Any) -> None:
    asking, _ = answering(lambda request: "Score: 1")
    assert len(asyncio.run(JudgeAnnotator(attempts, max_texts=1).annotate(asking))) == 1
    with pytest.raises(ConfigError, match="max_texts of JudgeAnnotator is 0; at least 1 text"):
        JudgeAnnotator(max_texts=0).check(None)


def test_prompts_without_texts_are_left_out(attempts: str, answering: Any) -> None:
    other = Prompt("other", PROMPT.messages)
    asking, seen = answering([], prompt=other)
    assert asyncio.run(JudgeAnnotator(attempts).annotate(asking)) == [] == seen
    assert JudgeAnnotator(attempts).foresee(other) == ([], 0)
    assert JudgeAnnotator(attempts).example(other) is None


def test_texts_not_written_yet_are_foreseen_at_a_typical_length() -> None:
    annotator = JudgeAnnotator(max_texts=3)
    assert annotator.foresee(PROMPT) == ([], 6)
    example = annotator.example(PROMPT)
    assert example is not None
    assert "one step after another" in example.messages[0].content
