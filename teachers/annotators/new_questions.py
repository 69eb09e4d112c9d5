"""From a reply with new questions to one annotation for each, marked where it is too short or repeats another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lessons.records import Annotation, Prompt
from teachers.annotators.subjects import Subject
from teachers.near_duplicates import NearDuplicates, tokens

__all__ = ["checked", "split", "tidy"]


def tidy(question: Mapping[str, Any]) -> dict[str, Any]:
    """Strip the texts of a question."""
    return {n: [one.strip() for one in v] if isinstance(v, list) else v.strip() for n, v in question.items()}


def split(reply: Annotation, prompt: Prompt, aim: str, needed: Mapping[str, Any], first: int) -> list[Annotation]:
    """Turn a reply into one annotation for each question; the first one carries its tokens and dollars."""
    inherited = {
        "topic": prompt.topic,
        "system": next((m.content for m in prompt.messages if m.role == "system"), None),
    }
    origin = {name: what.origin() if isinstance(what, Subject) else what for name, what in needed.items()}
    data = {"aim": aim, **{name: value for name, value in inherited.items() if value is not None}, **origin}
    subject = needed["subject"].text if "subject" in needed else None
    if reply.problem is not None:
        return [replace(reply, sample=first, subject=subject, data=data)]
    spent = reply.provenance
    free = replace(spent, input_tokens=0, output_tokens=0, cost_dollars=None if spent.cost_dollars is None else 0.0)
    return [
        replace(
            reply,
            sample=first + k,
            text=one["question"],
            answer=one.get("answer"),
            subject=subject,
            data={**data, "choices": one["choices"]} if "choices" in one else data,
            provenance=free if k else spent,
        )
        for k, one in enumerate(reply.data["questions"])
    ]


def checked(question: Annotation, known: NearDuplicates, fewest_tokens: int) -> Annotation:
    """Mark a question that is too short or nearly repeats one already known; else remember it."""
    if question.problem is not None:
        return question
    length = len(tokens(question.text))
    if length < fewest_tokens:
        return replace(question, problem=f"too short: {length} words, numbers and symbols of at least {fewest_tokens}")
    if (repeated := known.nearest(question.text)) is not None:
        return replace(question, problem=f"nearly repeats {repeated[:80]!r}")
    known.add(question.text)
    return question
