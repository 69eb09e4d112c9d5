"""What all critiques share: how their last lines are read, how they are marked, and which attempts they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from lessons.grading import Grader
from lessons.records import Annotation, Grade, Prompt
from teachers.annotators.base import Fields, ParseProblem
from teachers.annotators.labels import choice_label, last_label
from teachers.annotators.numbered import steps_of
from teachers.annotators.secrecy import kept_secret
from teachers.annotators.subjects import Subject

__all__ = [
    "CRITIQUES",
    "VERDICTS",
    "Which",
    "chosen",
    "discreet",
    "is_critique",
    "marked_critique",
    "read_critique",
    "step_number",
]

CRITIQUES = ("critique", "merged_critique")
"""The kinds of critiques, by the run's teacher; another role's are "critique.<role>"."""
VERDICTS = ("correct", "incorrect")
STEP, CORRECTION = "First wrong step", "Corrected answer"
NONE = re.compile(r"(?:none|no|n/?a|nothing|not applicable|-+|\u2014|no (?:wrong )?step)", re.IGNORECASE)
NUMBER = re.compile(
    r"(?:(?:step|line)[ ]*)?#?(\d{1,4})(?:[.:)\]](?:\s.*)?)?|(?:step|line)[ ]*#?(\d{1,4})\b.*", re.I | re.S
)
QUOTES = " \t\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb*_"

Which = Literal["wrong", "right", "all"]


def read_critique(text: str, attempt: str | None = None) -> Fields:
    """Read a critique: the last line "Verdict: ...", and before it "First wrong step: ..." and "Corrected answer: ...".

    The two lines before the verdict may be missing, and count as missing when they say "none". What they say is in the
    data: "first_wrong_step" (the number of the step, from 1; the words quoted where they are in no step, or in several)
    and "corrected_answer".

    Args:
        text: The reply.
        attempt: The work that is judged, to find the step that is quoted; None where it is not known.

    Raises:
        ParseProblem: There is no verdict, it contradicts the wrong step, or there is no such step.
    """
    before, verdict = choice_label(text, "Verdict", VERDICTS)
    explanation, step = optional_label(before, STEP)
    earlier, correction = optional_label(before, CORRECTION)
    explanation = min(explanation, earlier, key=len)
    if verdict == "correct":
        if step is not None:
            raise ParseProblem(f'the verdict is "correct", but the first wrong step is {step[:40]!r}')
        return Fields(explanation, verdict)
    data: dict[str, int | str] = {}
    if step is not None:
        data["first_wrong_step"] = found_step(step, attempt)
    if correction is not None:
        data["corrected_answer"] = correction
    return Fields(explanation, verdict, data=data)


def optional_label(text: str, name: str) -> tuple[str, str | None]:
    """Split a text at its last line "Name: label"; no label where the line is missing, empty, or says "none"."""
    try:
        before, label = last_label(text, name)
    except ParseProblem:
        return text, None
    return before, None if NONE.fullmatch(label.strip(QUOTES)) else label


def found_step(label: str, attempt: str | None) -> int | str:
    """Return the number of the step that a label names or quotes; the quoted words where there is no one such step."""
    number = NUMBER.fullmatch(label.strip(QUOTES))
    steps = None if attempt is None else steps_of(attempt)
    if number is not None:
        step = int(number[1] or number[2])
        if step < 1 or (steps is not None and step > len(steps)):
            raise ParseProblem(
                f"there is no step {step}: {'steps count from 1' if not steps else f'the work has {len(steps)}'}"
            )
        return step
    quoted = label.strip(QUOTES)
    return step_number(quoted, steps or ()) or quoted


def step_number(quoted: str, steps: Sequence[str]) -> int | None:
    """Return the number of the one step that holds the quoted words, or that they hold; None if it is not just one.

    >>> step_number("2+2=5", ["I add.", "2 + 2 = 5, so", "Answer: 5"])
    2
    """
    words = "".join(quoted.casefold().split())
    texts = ["".join(step.casefold().split()) for step in steps]
    holding = [k for k, text in enumerate(texts, 1) if words and words in text]
    holding = holding or [k for k, text in enumerate(texts, 1) if text and text in words]
    return holding[0] if len(holding) == 1 else None


def chosen(subjects: Iterable[Subject], which: Which) -> list[Subject]:
    """Return the attempts of one sort: "wrong" are those graded wrong, "right" all others."""
    return [subject for subject in subjects if which == "all" or (subject.correct is False) == (which == "wrong")]


def is_critique(annotation: Annotation) -> bool:
    """Whether an annotation is a readable critique of an attempt, by the run's teacher or one with another role."""
    kind, _, _ = annotation.kind.partition(".")
    return kind in CRITIQUES and annotation.problem is None and bool(annotation.subject)


def marked_critique(annotation: Annotation, grader: Grader, prompt: Prompt) -> Annotation:
    """Return a critique with its mark: right when its verdict on the attempt is, and the corrected answer it gives.

    The mark of the corrected answer alone is in the data, "correction_correct". A right verdict with a wrong correction
    is worth half: it saw that the attempt is wrong, and misleads about why.
    """
    if annotation.answer is None or annotation.subject is None:
        return annotation
    truth = VERDICTS[0] if grader.grade(annotation.subject, prompt).correct else VERDICTS[1]
    name = f"verdict of {grader.name}"
    if annotation.answer != truth:
        return replace(annotation, grade=Grade(False, 0.0, annotation.answer, name, f"the attempt is {truth}"))
    corrected = annotation.data.get("corrected_answer")
    if corrected is None:
        return replace(annotation, grade=Grade(True, 1.0, annotation.answer, name))
    correction = grader.grade(corrected, prompt)
    reason = None if correction.correct else f"the corrected answer is wrong: {correction.reason}"
    grade = Grade(correction.correct, 1.0 if correction.correct else 0.5, annotation.answer, name, reason)
    return replace(annotation, grade=grade, data={**annotation.data, "correction_correct": correction.correct})


def discreet(annotation: Annotation, prompt: Prompt) -> Annotation:
    """Return a critique, with a problem when its writer saw the reference and its text gives it away.

    To say of a right attempt that it is right gives nothing away that the reader has not.
    """
    told = annotation.saw_reference and annotation.answer != VERDICTS[0]
    return kept_secret(annotation, prompt) if told else annotation
