"""Marking what a teacher answered, in the same way for every annotator that asks for answers."""

from __future__ import annotations

from dataclasses import replace

from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.asking import Asking

__all__ = ["grader_of", "marked"]


def grader_of(asking: Asking, verify: bool) -> Grader | None:
    """Return the run's grader where answers are to be verified, None where they are not.

    Raises:
        DataError: The prompt cannot be graded. Better now than after the teacher was paid.
    """
    if not verify or asking.grader is None:
        return None
    if asking.prompt.reference is None:
        asking.grader.grade("", asking.prompt)
    return asking.grader


def marked(annotation: Annotation, grader: Grader | None, prompt: Prompt) -> Annotation:
    """Return the annotation with its answer's grade; unchanged when it has no answer or there is no grader."""
    if grader is None or annotation.answer is None:
        return annotation
    return replace(annotation, grade=grader.grade(annotation.answer, prompt))
