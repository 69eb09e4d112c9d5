"""The same exam for everyone: students answer by generation, teachers through the ledger; both get a report card."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from lessons.files import write_text
from lessons.grading import Grader
from lessons.records import Annotation, Attempt, Prompt
from lessons.report_card import ReportCard
from lessons.tables import read_prompts, write_attempts
from students.generation import Generation
from students.renderings import Rendering
from students.student import Student
from tutelage.progress import Progress

__all__ = ["examine_student", "write_marks"]


def examine_student(
    student: Student,
    exam: Path,
    folder: Path,
    grader: Grader,
    generation: Generation,
    rendering: Rendering | None,
    author: str,
) -> ReportCard:
    """Let a student sit an exam; write attempts.parquet and report.json into a folder.

    Args:
        student: Who sits.
        exam: The questions, a Parquet file of prompts.
        folder: Where the answers and marks go.
        grader: Who marks.
        generation: How answers are written.
        rendering: The rendering the student was trained with; None to put the questions as they are.
        author: Name stored with the answers.
    """
    from students.exam import sit

    prompts = list(read_prompts(exam))
    with Progress(f"exam of {author}", len(prompts), "answers") as bar:
        attempts = sit(student, prompts, grader, generation, rendering, author, progress=bar.at)
    return write_marks(attempts, prompts, folder)


def write_marks(attempts: Sequence[Attempt], prompts: Sequence[Prompt], folder: Path) -> ReportCard:
    """Write attempts.parquet and report.json; return the report card."""
    card = ReportCard.of(attempts, prompts)
    write_attempts(folder / "attempts.parquet", attempts)
    write_text(folder / "report.json", json.dumps(card.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return card
