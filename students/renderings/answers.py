"""Where a lesson's final answer and rationale come from, shared by the renderings."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lessons.errors import ConfigError, RenderingError
from lessons.records import Annotation, Lesson
from students.renderings.base import Exercise

__all__ = ["AnswerSource", "answer_of", "check_separator", "needed", "weighed", "whole_text"]

AnswerSource = Literal["reference", "teacher"]


def answer_of(lesson: Lesson, source: AnswerSource, of: str = "rationale") -> str:
    """Return the lesson's final answer from the wished source, or from the other one where that has none.

    Args:
        lesson: The lesson.
        source: Whose answer comes first.
        of: The kind of the annotation whose answer is the teacher's; an annotation "answer" may give it too.

    Raises:
        RenderingError: Neither the data nor a teacher gave an answer.
    """
    given = [a.answer for a in lesson.annotations if a.kind in ("answer", of) and a.answer]
    wrote = lesson.annotation("answer")
    taught = given[0] if given else wrote.text if wrote is not None else None
    reference = lesson.prompt.reference
    found = (reference or taught) if source == "reference" else (taught or reference)
    if not found:
        raise RenderingError(
            f"Lesson {lesson.id!r} has no final answer: its prompt has no reference and its annotations "
            f"({', '.join(a.kind for a in lesson.annotations) or 'none'}) give none. Needed is a reference, or a "
            "trusted rationale or answer. Map the data's answer column, or plan with target: rationale."
        )
    return found


def needed(lesson: Lesson, kind: str, rendering: object) -> Annotation:
    """Return the lesson's annotation of this kind.

    Raises:
        RenderingError: It has none, or an empty one.
    """
    found = lesson.annotation(kind)
    if found is not None and not found.text.strip():
        raise RenderingError(
            f"Lesson {lesson.id!r} has an empty {kind} ({found.text!r}), and {type(rendering).__name__} trains on its "
            "text. Needed is one that says something. Remove that row from the lessons file, or choose another "
            "rendering, such as students.AnswerOnly."
        )
    if found is None:
        raise RenderingError(
            f"Lesson {lesson.id!r} has no {kind}, which {type(rendering).__name__} trains on; it has "
            f"{', '.join(a.kind for a in lesson.annotations) or 'no annotation at all'}. Plan and train with "
            f"target: {kind}, which leaves prompts without one out, or choose another rendering."
        )
    return found


def whole_text(annotation: Annotation) -> str:
    """Return an annotation as an answer, its final answer on a line of its own, as graders read it."""
    if annotation.kind == "answer" or not annotation.answer:
        return annotation.text
    return f"{annotation.text.strip()}\nAnswer: {annotation.answer}".strip()


def weighed(exercise: Exercise, opening: str, name: str, weight: float) -> Exercise:
    """Return an exercise whose opening counts otherwise in the loss than the rest, a token of which counts 1.

    Args:
        exercise: The exercise.
        opening: How its answer begins.
        name: The setting that says how much the opening counts, for the error.
        weight: Its value.

    Raises:
        ConfigError: It is negative.
    """
    if weight < 0:
        raise ConfigError(
            f"{name} is {weight}: a token would be unlearnt. Allowed is 0, where it is only read, or above; 1 counts "
            f"it like the rest. Correct `{name}`."
        )
    return exercise if weight == 1 else replace(exercise, given=opening, given_weight=weight)


def check_separator(rendering: object, separator: str, first: str, second: str) -> str:
    """Return what stands between two parts of an answer, the first of which alone the exam reads.

    Args:
        rendering: Who writes them, for the error.
        separator: What stands between them.
        first: What comes before it, in a word.
        second: What comes after it, in a word.

    Raises:
        ConfigError: It is empty.
    """
    if not separator.strip():
        raise ConfigError(
            f"{type(rendering).__name__} got separator={separator!r}, by which nobody could tell the {first} from the "
            f"{second}. Allowed is any text that {first}s do not hold. Correct `separator`."
        )
    return separator
