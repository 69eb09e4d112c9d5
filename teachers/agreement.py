"""How far teachers agree: kinds that share a base name (difficulty, difficulty.second), verdicts with the grader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from lessons.intervals import Interval, wilson
from lessons.records import Annotation
from lessons.tables import read_annotations
from teachers.rank_statistics import cohen_kappa, kappa_interval, mean, spearman, spearman_interval

__all__ = ["Agreement", "agreement", "teacher_agreement"]

GRADER = "grader"
VERDICTS = {"correct": True, "incorrect": False}
MOST_LABELS = 50  # beyond that an answer is no label, and its kappa says nothing


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two columns of one run have in common."""

    kind: str
    """The first kind."""
    other: str
    """The second kind, or "grader"."""
    saw_reference: tuple[bool, bool]
    """Whether the first and the second saw the reference answer."""
    compared: int
    """Items that both labelled."""
    equal: int
    """Those with the same label."""
    share_equal: Interval | None
    """Share of equal labels, with its 95% interval (Wilson); None when nothing was compared."""
    kappa: float | None
    """Cohen's kappa of the labels; None where chance alone would agree always, or labels are free text."""
    kappa_interval: tuple[float, float] | None
    """95% interval of kappa (bootstrap over items)."""
    values: int
    """Items to which both gave a number."""
    spearman: float | None
    """Rank correlation of the numbers, ties at their average rank; None where one of them never changes."""
    spearman_interval: tuple[float, float] | None
    """95% interval of it (Fisher's z)."""
    mean_difference: float | None
    """Mean absolute difference of the numbers, in their own unit."""


@dataclass(frozen=True, slots=True)
class Label:
    """One label and its number."""

    answer: str | None
    value: float | None
    saw_reference: bool


Item = tuple[str, int, str | None]


def teacher_agreement(lessons: str | Path) -> list[Agreement]:
    """Compare the teachers of a finished run, from its lessons.parquet; read as a stream.

    Raises:
        DataError: The file is missing or no table of annotations.
    """
    first = next(read_annotations(lessons), None)  # its errors say what to do; pyarrow's do not
    if first is None:
        return []
    kinds = pq.read_table(lessons, columns=["kind"])["kind"].unique().to_pylist()
    return agreement(read_annotations(lessons), kinds)


def agreement(annotations: Iterable[Annotation], kinds: Iterable[str]) -> list[Agreement]:
    """Compare every two kinds with the same base name, and every verdict with the grader's mark of what it judges.

    Items are told apart by prompt, sample and subject. What could not be read is left out. Only items that wait for
    their partner are held, besides the pairs themselves.

    Args:
        annotations: The annotations of a run.
        kinds: All kinds among them.
    """
    order = list(kinds)
    partners = {kind: [other for other in order if other != kind and base(other) == base(kind)] for kind in order}
    waiting: dict[tuple[str, Item], Label] = {}
    pairs: dict[tuple[str, str], list[tuple[Label, Label]]] = {}
    for annotation in annotations:
        if annotation.problem is not None:
            continue
        kind, label = annotation.kind, Label(annotation.answer, annotation.value, annotation.saw_reference)
        for graded in graders_label(annotation):
            pairs.setdefault((kind, GRADER), []).append((label, graded))
        item = (annotation.prompt_id, annotation.sample, annotation.subject)
        missing = 0
        for other in partners.get(kind, ()):
            found = waiting.get((other, item))
            if found is None:
                missing += 1
                continue
            ours_first = order.index(kind) < order.index(other)
            pair = (kind, other) if ours_first else (other, kind)
            pairs.setdefault(pair, []).append((label, found) if ours_first else (found, label))
        if missing:
            waiting[kind, item] = label
            continue
        for other in partners.get(kind, ()):  # the last one: all pairs of this item are made
            del waiting[other, item]
    return [compare(kind, other, found) for (kind, other), found in sorted(pairs.items())]


def base(kind: str) -> str:
    """Return a kind without its role.

    >>> base("difficulty.second"), base("difficulty")
    ('difficulty', 'difficulty')
    """
    return kind.partition(".")[0]


def graders_label(annotation: Annotation) -> Iterator[Label]:
    """Yield the grader's mark of what an annotation judges, in the words of the verdict; nothing where it has none."""
    subject = annotation.data.get("subject")
    correct = subject.get("correct") if isinstance(subject, dict) else None
    if isinstance(correct, bool):
        yield Label("correct" if correct else "incorrect", float(correct), True)


def compare(kind: str, other: str, pairs: list[tuple[Label, Label]]) -> Agreement:
    """Sum up the pairs of two kinds."""
    labels = [(a.answer, b.answer) for a, b in pairs if a.answer is not None and b.answer is not None]
    if other == GRADER and any(answer not in VERDICTS for answer, _ in labels):
        labels = []  # a mark out of ten is no verdict: only its number can be compared
    equal = sum(a == b for a, b in labels)
    few = 0 < len({label for pair in labels for label in pair}) <= MOST_LABELS
    numbers = [(a.value, b.value) for a, b in pairs if a.value is not None and b.value is not None]
    ones, others = [a for a, _ in numbers], [b for _, b in numbers]
    rho = spearman(ones, others)
    kappa = cohen_kappa(labels) if few else None
    return Agreement(
        kind=kind,
        other=other,
        saw_reference=(any(a.saw_reference for a, _ in pairs), any(b.saw_reference for _, b in pairs)),
        compared=len(labels),
        equal=equal,
        share_equal=wilson(equal, len(labels)) if labels else None,
        kappa=kappa,
        kappa_interval=None if kappa is None else kappa_interval(labels),
        values=len(numbers),
        spearman=rho,
        spearman_interval=None if rho is None else spearman_interval(rho, len(numbers)),
        mean_difference=mean([abs(a - b) for a, b in numbers]),
    )
