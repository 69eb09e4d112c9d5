"""The summary of an exam: no mean without its count and its interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any

from lessons.errors import DataError
from lessons.intervals import by_question, effective_answers, wilson
from lessons.records import Attempt, Prompt

__all__ = ["Cell", "ReportCard"]

MAX_LEVELS = 5
TIERS = ("easy", "middle", "hard")


@dataclass(frozen=True, slots=True)
class Cell:
    """The result on one group of answers."""

    correct: int
    """Answers graded right."""
    total: int
    """Answers graded, at least 1."""
    accuracy: float
    """Share of right ones; with several answers to a question, the mean of pass@1 over the questions."""
    low: float
    """Lower end of the accuracy's interval."""
    high: float
    """Upper end of the accuracy's interval."""

    @classmethod
    def of(cls, marks: Sequence[bool], confidence: float = 0.95, questions: Sequence[str] | None = None) -> Cell:
        """Count marks.

        Args:
            marks: Whether each answer is right.
            confidence: Confidence of the interval, in (0, 1).
            questions: Which question each answers; None: each another. The interval is one over questions: it allows
                for answers to one question being alike.
        """
        correct, total = sum(marks), len(marks)
        counted = total if questions is None else effective_answers(*by_question(marks, questions))
        ends = wilson(correct * counted / max(total, 1), counted, confidence)
        return cls(correct, total, correct / max(total, 1), *ends)


@dataclass(frozen=True, slots=True)
class ReportCard:
    """How one author did in one exam."""

    author: str
    """The model examined."""
    grader: str
    """Name and version of the grader."""
    confidence: float
    """Confidence of all intervals."""
    prompts: int
    """Prompts that were answered."""
    unanswered: int
    """Prompts of the exam without an answer; they are in no cell."""
    overall: Cell
    """All answers. Several to one prompt count singly; the interval, one over prompts, allows for their likeness."""
    by_topic: dict[str, Cell]
    """By the prompts' topic, those without one left out; sorted by name."""
    by_tier: dict[str, Cell]
    """By the prompts' difficulty, easy first: each value where there are few, else thirds of the exam's prompts."""
    truncated: int
    """Answers cut off by the token limit."""
    tokens: int | None
    """Tokens written in all; None where not every answer has a count."""
    samples: int = 1
    """Answers to each prompt; the most that any has, where they differ."""

    @classmethod
    def of(cls, attempts: Iterable[Attempt], prompts: Iterable[Prompt], confidence: float = 0.95) -> ReportCard:
        """Summarise the graded attempts of one author.

        Args:
            attempts: The answers, with their marks.
            prompts: The whole exam.
            confidence: Confidence of the intervals, in (0, 1).

        Raises:
            DataError: There is no attempt, one is not graded or names an unknown prompt, or authors or graders mix.
        """
        answers = list(attempts)
        exam = {prompt.id: prompt for prompt in prompts}
        check(answers, exam)
        tier_of = tiers(exam.values())
        counts = [attempt.tokens for attempt in answers]
        answered = Counter(attempt.prompt_id for attempt in answers)
        first = answers[0].grade
        return cls(
            author=answers[0].author,
            grader=first.grader if first else "",
            confidence=confidence,
            prompts=len(answered),
            unanswered=len(exam) - len(answered),
            overall=cell(answers, confidence),
            by_topic=cells(answers, lambda a: exam[a.prompt_id].topic, confidence, sort=True),
            by_tier=cells(
                answers, lambda a: tier_of.get(a.prompt_id), confidence, order=list(dict.fromkeys(tier_of.values()))
            ),
            truncated=sum(attempt.truncated for attempt in answers),
            tokens=None if None in counts else sum(count or 0 for count in counts),
            samples=max(answered.values()),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the card as JSON values (report.json)."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ReportCard:
        """Rebuild a card from `to_json`."""
        groups = {name: {key: Cell(**cell) for key, cell in values[name].items()} for name in ("by_topic", "by_tier")}
        return cls(**{**values, **groups, "overall": Cell(**values["overall"])})


def check(answers: list[Attempt], exam: Mapping[str, Prompt]) -> None:
    """Refuse attempts that cannot be summed up."""
    if not answers:
        raise DataError("No attempts to report on (got 0, at least 1 is needed). Let the model sit the exam first.")
    for attempt in answers:
        if attempt.grade is None:
            raise DataError(
                f"The attempt of {attempt.author!r} at the prompt {attempt.prompt_id!r} has no grade; every one "
                "needs one. Grade the attempts before reporting on them."
            )
        if attempt.prompt_id not in exam:
            raise DataError(
                f"An attempt names the prompt {attempt.prompt_id!r}, which is not among the {len(exam)} prompts of the "
                "exam. Use the prompts that the attempts were made for."
            )
    for what, names in (
        ("authors", {attempt.author for attempt in answers}),
        ("graders", {attempt.grade.grader for attempt in answers if attempt.grade}),
    ):
        if len(names) > 1:
            raise DataError(
                f"Attempts of several {what}: {', '.join(sorted(names))}. A report card is about one: split them first."
            )


def right(attempt: Attempt) -> bool:
    """Whether an attempt was graded right."""
    return attempt.grade is not None and attempt.grade.correct


def cells(
    answers: list[Attempt],
    group_of: Callable[[Attempt], str | None],
    confidence: float,
    order: list[str] | None = None,
    sort: bool = False,
) -> dict[str, Cell]:
    """Group attempts and count each group; groups without attempts are left out."""
    grouped: dict[str, list[Attempt]] = {name: [] for name in order or ()}
    for attempt in answers:
        group = group_of(attempt)
        if group is not None:
            grouped.setdefault(group, []).append(attempt)
    names = sorted(grouped) if sort else list(grouped)
    return {name: cell(grouped[name], confidence) for name in names if grouped[name]}


def cell(answers: list[Attempt], confidence: float) -> Cell:
    """Count attempts."""
    return Cell.of([right(attempt) for attempt in answers], confidence, [attempt.prompt_id for attempt in answers])


def tiers(prompts: Iterable[Prompt]) -> dict[str, str]:
    """Return the difficulty tier of each prompt that has a difficulty, easiest tiers first.

    Up to five different values are a tier each; more are cut into thirds of the prompts.
    """
    known = sorted((p.difficulty, p.id) for p in prompts if p.difficulty is not None and not math.isnan(p.difficulty))
    values = [difficulty for difficulty, _ in known]
    if len(set(values)) <= MAX_LEVELS:
        return {name: f"{difficulty:g}" for difficulty, name in known}
    cuts = quantiles(values, n=len(TIERS), method="inclusive")
    tier = [sum(value > cut for cut in cuts) for value in values]
    spans = {k: [v for v, t in zip(values, tier, strict=True) if t == k] for k in set(tier)}
    labels = {k: f"{TIERS[k]} ({span[0]:g} to {span[-1]:g})" for k, span in spans.items()}
    return {name: labels[k] for (_, name), k in zip(known, tier, strict=True)}
