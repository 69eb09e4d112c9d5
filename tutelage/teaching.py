"""Distilling as a step of a course: ask the teacher within the course's budget, and say what came of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from lessons.files import write_text
from lessons.tables import read_annotations, read_prompts, write_annotations
from teachers import Annotator, Budget, Ledger, distill
from teachers.annotators import RationaleAnnotator
from tutelage.course import Course
from tutelage.examination import exam_annotator, examine_teacher
from tutelage.settings import JSON

__all__ = ["distill_round", "examine_course_teacher", "remaining_budget"]


def distill_round(course: Course, folder: Path) -> dict[str, JSON]:
    """Annotate a round's prompts by the teacher and by recordings; return what the teacher's run did."""
    lessons = folder / "lessons.parquet"
    if not course.recordings:
        return ask_teacher(course, folder, lessons)
    taught = folder / "taught.parquet"
    notes = ask_teacher(course, folder, taught) if course.annotators else {}
    prompts = list(read_prompts(folder / "prompts.parquet"))
    recorded = [recording.annotations(prompts, course.grader) for recording in course.recordings]
    write_annotations(lessons, chain(read_annotations(taught) if course.annotators else (), *recorded))
    return notes


def ask_teacher(course: Course, folder: Path, out: Path) -> dict[str, JSON]:
    """Let the annotators work on a round's prompts."""
    assert course.teacher is not None  # Course.check refuses annotators without a teacher
    summary = distill(
        list(read_prompts(folder / "prompts.parquet")),
        course.teacher,
        course.annotators,
        course.grader,
        course.ledger_path,
        out,
        course.limits,
        remaining_budget(course),
        allow_partial=course.allow_partial,
        batches=course.batches,
    )
    return asdict(summary)


def examine_course_teacher(course: Course, exam: Path, folder: Path) -> None:
    """Let the course's teacher sit the exam, asked in the words in which it teaches."""
    assert course.teacher is not None
    examine_teacher(
        course.teacher, course_exam_annotator(course), exam, folder, course.grader, course.ledger_path, course.limits,
        remaining_budget(course), author="teacher", allow_partial=course.allow_partial,
    )  # fmt: skip


def course_exam_annotator(course: Course) -> Annotator:
    """Return how the course's teacher is asked at the exam."""
    return exam_annotator(next((a for a in course.annotators if isinstance(a, RationaleAnnotator)), None))


def remaining_budget(course: Course) -> Budget:
    """Return what the course may still spend: its budget without what the ledger gained since the course began.

    Counted from the ledger, so that calls of killed runs count too. A course that shares its ledger with others
    must not run at the same time as they do, or their calls count here.
    """
    budget = course.budget or Budget()
    if budget.dollars is None and budget.calls is None and budget.tokens is None:
        return budget
    with Ledger(course.ledger_path) as ledger:
        totals = ledger.totals()
    now = {
        "dollars": totals.cost_dollars,
        "calls": totals.replies + totals.failed_attempts,
        "tokens": totals.input_tokens + totals.output_tokens,
    }
    beginning = course.root / "steps" / "budget.json"
    if not beginning.exists():
        write_text(beginning, json.dumps(now) + "\n")
    before = json.loads(beginning.read_text(encoding="utf-8"))
    return Budget(
        dollars=None if budget.dollars is None else max(0.0, budget.dollars - (now["dollars"] - before["dollars"])),
        calls=None if budget.calls is None else max(0, budget.calls - int(now["calls"] - before["calls"])),
        tokens=None if budget.tokens is None else max(0, budget.tokens - int(now["tokens"] - before["tokens"])),
    )
