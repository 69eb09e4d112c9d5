"""Secrets: what a text for students must not give away, and what a teacher who saw the answer must not let show."""

from __future__ import annotations

import re
from dataclasses import replace

from lessons.records import Annotation, Prompt
from teachers.annotators.leaks import leak

__all__ = ["kept_secret", "told", "unaware"]

KNOWN = r"(?:given|provided|stated|supplied|known|expected|reference|told)"
RIGHT = r"(?:(?:right|correct|final|true|actual)[ ]+)?"
TOLD = re.compile(
    rf"\b(?:the|this|that|your)[ ]+{KNOWN}[ ]+{RIGHT}(?:answer|result|solution)\b"
    rf"|\b(?:the|this)[ ]+{RIGHT}answer[ ]+(?:is|was|has[ ]been|being)[ ]+(?:already[ ]+)?{KNOWN}\b"
    rf"|\b(?:(?:I|we)[ ]+(?:was|were|am|are|have[ ]been|had[ ]been)|(?:I|we)['\u2019]ve[ ]been)[ ]+"
    rf"(?:told|given|informed|shown)[ ]+(?:of[ ]+|that[ ]+)?(?:the[ ]+)?{RIGHT}answer\b"
    rf"|\byou[ ]+(?:told|gave|said|showed|mentioned|stated)\b[^.\n]{{0,30}}\banswer\b"
    rf"|\b(?:knowing|(?:since|because)[ ]+we[ ]+know|we[ ]+already[ ]+know)[ ]+(?:that[ ]+)?the[ ]+{RIGHT}answer\b"
    rf"|\bbackwards?[ ]+from[ ]+the[ ]+{RIGHT}answer\b"
    rf"|\bto[ ]+match[ ]+the[ ]+{RIGHT}answer\b",
    re.IGNORECASE,
)


def kept_secret(annotation: Annotation, prompt: Prompt) -> Annotation:
    """Return the annotation, with a problem when its text gives the reference away.

    It is no problem of form, so it is not sent back: the complaint itself would confirm the answer to the teacher.
    """
    reason = leak(annotation.text, prompt) if annotation.problem is None else None
    return annotation if reason is None else replace(annotation, problem=f"gives the answer away: {reason}")


def told(text: str) -> str | None:
    """Return the words by which a text lets show that its writer was told the answer; None when there are none.

    >>> told("2 + 2 is 4, which agrees with the given answer.")
    'the given answer'
    >>> told("We are given two numbers. The correct answer is 4.")
    """
    found = TOLD.search(" ".join(text.split()))
    return found[0] if found else None


def unaware(annotation: Annotation) -> Annotation:
    """Return the annotation, with a problem when its writer saw the reference and lets it show."""
    if annotation.problem is not None or not annotation.saw_reference or (words := told(annotation.text)) is None:
        return annotation
    return replace(annotation, problem=f"lets show that the answer was given: it says {words!r}")
