"""Sample answers: a few exam questions with everyone's answers, chosen to show agreement, difference and failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lessons.records import Attempt, Prompt
from tutelage.report.records import Sample, SampleAnswer

__all__ = ["choose_samples"]

LONGEST_TEXT = 4_000


def choose_samples(
    exam: Sequence[Prompt], attempts: Mapping[str, Sequence[Attempt]], arms: Sequence[str], count: int
) -> tuple[Sample, ...]:
    """Choose questions in turn from every pattern of who was right, so that right and wrong answers both show.

    Args:
        exam: The questions, in order.
        attempts: By author: the answers.
        arms: The authors whose marks make the pattern.
        count: How many questions.
    """
    first = {author: {a.prompt_id: a for a in reversed(found)} for author, found in attempts.items()}
    patterns: dict[tuple[bool | None, ...], list[Prompt]] = {}
    for prompt in exam:
        marks = tuple(mark(first[arm].get(prompt.id)) for arm in arms)
        patterns.setdefault(marks, []).append(prompt)
    waiting = sorted(patterns.values(), key=len, reverse=True)
    chosen: list[Prompt] = []
    while len(chosen) < count and any(waiting):
        chosen += [group.pop(0) for group in waiting if group][: count - len(chosen)]
    return tuple(
        Sample(
            prompt_id=prompt.id,
            question=cut(prompt.question),
            reference=prompt.reference,
            answers=tuple(answer(author, found[prompt.id]) for author, found in first.items() if prompt.id in found),
        )
        for prompt in chosen
    )


def mark(attempt: Attempt | None) -> bool | None:
    """Return whether an attempt was right; None where there is none."""
    return None if attempt is None or attempt.grade is None else attempt.grade.correct


def answer(author: str, attempt: Attempt) -> SampleAnswer:
    """Return an attempt as the report shows it."""
    return SampleAnswer(author, cut(attempt.text), mark(attempt), attempt.grade.answer if attempt.grade else None)


def cut(text: str) -> str:
    """Shorten a text that would fill the page."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} ... ({len(text):,} characters)"
