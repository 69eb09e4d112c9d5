"""The same exam for everyone: students answer by generation, teachers through the ledger; both get a report card."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path

from lessons.files import write_text
from lessons.grading import Grader
from lessons.records import Annotation, Attempt, Prompt
from lessons.report_card import ReportCard
from lessons.tables import read_annotations, read_prompts, write_attempts
from students.decoding import Generation
from students.renderings import Rendering
from students.student import Student
from teachers import Annotator, Budget, Limits, Progress, RationaleAnnotator, TeacherBackend, distill
from tutelage.report.storage import read_report

__all__ = ["examine_student", "examine_teacher", "exam_annotator", "read_card", "write_marks"]

TEACHER_ANSWERS = "answers.parquet"


def examine_student(
    student: Student,
    exam: Path,
    folder: Path,
    grader: Grader,
    generation: Generation | None,
    rendering: Rendering | None,
    author: str,
    samples: int = 1,
) -> None:
    """Let a student sit an exam; write attempts.parquet and report.json into a folder.

    Args:
        student: Who sits.
        exam: The questions, a Parquet file of prompts.
        folder: Where the answers and marks go.
        grader: Who marks.
        generation: How answers are written; None for greedy answers.
        rendering: The rendering the student was trained with; None to put the questions as they are.
        author: Name stored with the answers.
        samples: Answers to each question; several need a temperature above 0.
    """
    from students.exam import sit

    prompts = list(read_prompts(exam))
    with Progress(f"exam of {author}", len(prompts) * samples, "answers") as bar:
        attempts = sit(
            student, prompts, grader, generation, rendering, author, samples, progress=lambda done, _total: bar.at(done)
        )
    write_marks(attempts, prompts, folder)


def examine_teacher(
    teacher: TeacherBackend,
    annotator: Annotator | None,
    exam: Path,
    folder: Path,
    grader: Grader,
    ledger: Path,
    limits: Limits | None,
    budget: Budget | None,
    author: str | None,
    allow_partial: bool = False,
) -> None:
    """Let a teacher sit an exam through the ledger, one answer a question.

    Args:
        teacher: Who sits.
        annotator: How to ask; None for a `RationaleAnnotator`. It asks once, and never shows the reference.
        exam: The questions, a Parquet file of prompts.
        folder: Where answers.parquet (with provenance), attempts.parquet and report.json go.
        grader: Who marks.
        ledger: The ledger's file.
        limits: How fast the teacher may be asked.
        budget: What may be spent.
        author: Name stored with the answers; None for the model's.
        allow_partial: Mark what was answered even when some answers could not be had.
    """
    prompts = list(read_prompts(exam))
    answers = folder / TEACHER_ANSWERS
    asked = exam_annotator(annotator)
    distill(prompts, teacher, [asked], grader, ledger, answers, limits, budget, allow_partial=allow_partial)
    known = {prompt.id: prompt for prompt in prompts}
    attempts = [
        attempt_of(annotation, known[annotation.prompt_id], grader, author or teacher.model)
        for annotation in read_annotations(answers)
    ]
    write_marks(attempts, prompts, folder)


def exam_annotator(annotator: Annotator | None) -> Annotator:
    """Return how a teacher is asked at an exam: as it teaches, but once and without the answer in sight."""
    if not isinstance(annotator, RationaleAnnotator):
        return annotator if annotator is not None else RationaleAnnotator(max_asks=1)
    once = copy.copy(annotator)
    once.samples = once.max_asks = 1
    once.show_reference = False
    return once


def attempt_of(annotation: Annotation, prompt: Prompt, grader: Grader, author: str) -> Attempt:
    """Return a teacher's annotation as an answer in an exam."""
    text = annotation.text if annotation.answer is None else f"{annotation.text}\nAnswer: {annotation.answer}"
    return Attempt(
        prompt_id=annotation.prompt_id,
        author=author,
        text=text.strip(),
        grade=annotation.grade or grader.grade(text, prompt),
        tokens=annotation.provenance.output_tokens,
        truncated=annotation.provenance.finish_reason == "length",
    )


def write_marks(attempts: Sequence[Attempt], prompts: Sequence[Prompt], folder: Path) -> None:
    """Write attempts.parquet and report.json."""
    card = ReportCard.of(attempts, prompts)
    write_attempts(folder / "attempts.parquet", attempts)
    write_text(folder / "report.json", json.dumps(card.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_card(folder: Path) -> ReportCard:
    """Read the marks of an exam."""
    return ReportCard.from_json(read_report(folder / "report.json"))
