"""How good each of the texts about a prompt is: by its grade, or by what judges wrote about it."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean

from lessons.answers import join_answer
from lessons.pairings.base import Candidate
from lessons.records import Annotation, Lesson

__all__ = ["GRADE", "candidates", "solution"]

GRADE = "grade"
"""Scores by the grader's mark: 1 for right answers, 0 for wrong ones, or the partial credit of a wrong one."""


def candidates(lesson: Lesson, of: str, scored_by: str = GRADE) -> list[Candidate]:
    """Return the texts of one kind that have a score, in the order of their samples, each text once.

    What could not be parsed is left out, and so is what has no score.

    Args:
        lesson: Whose prompt.
        of: The kind of the texts, such as "rationale".
        scored_by: "grade", or the kind of annotations that judge such texts ("judgement", "rubric_grade", "quality"):
            the mean of their `value` over those whose `subject` is the text.
    """
    written = [found for found in lesson.written if found.kind == of and found.problem is None]
    scores = grades(written) if scored_by == GRADE else judgements(lesson, scored_by)
    first: dict[str, Annotation] = {}
    for found in written:
        first.setdefault(whole_text(found), found)
    return [
        Candidate(solution(found), scores[text], found.provenance.model)
        for text, found in first.items()
        if text in scores
    ]


def solution(annotation: Annotation) -> str:
    """Return a text as a student would write it: with its answer line, unless it is nothing but the answer."""
    return annotation.text if annotation.text.strip() == annotation.answer else whole_text(annotation)


def whole_text(annotation: Annotation) -> str:
    """Return a text as judges are shown it, always with its answer line."""
    return join_answer(annotation.text, annotation.answer)


def grades(written: list[Annotation]) -> dict[str, float]:
    """Return the marks of the texts that were graded; partial credit never reaches that of a right answer."""
    return {
        whole_text(found): 1.0 if found.grade.correct else min(found.grade.score, 0.999)
        for found in written
        if found.grade is not None
    }


def judgements(lesson: Lesson, kind: str) -> dict[str, float]:
    """Return the mean value that judges of one kind gave to every text they judged."""
    values: dict[str, list[float]] = defaultdict(list)
    for found in lesson.written:
        if found.kind == kind and found.trusted and found.subject is not None and found.value is not None:
            values[found.subject].append(found.value)
    return {text: fmean(given) for text, given in values.items()}
