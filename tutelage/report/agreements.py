"""How far the teachers of a run agree, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from teachers.agreement import GRADER, Agreement, teacher_agreement
from tutelage.report.verdicts import percent

__all__ = ["agreement_sentences"]


def agreement_sentences(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return a sentence for every two kinds, or kind and grader, that labelled the same things."""
    found = [pair for path in paths if path.exists() for pair in teacher_agreement(path)]
    return tuple(sentence(pair) for pair in found if pair.compared or pair.values)


def sentence(pair: Agreement) -> str:
    """Say how far two columns agree."""
    parts = []
    if pair.compared and pair.share_equal is not None:
        low, high = (percent(end) for end in pair.share_equal)
        parts.append(f"the same label on {pair.equal:,} of {pair.compared:,} ({low} to {high})")
    if pair.kappa is not None:
        parts.append(f"kappa {pair.kappa:.2f}{between(pair.kappa_interval)}")
    if pair.spearman is not None:
        parts.append(
            f"rank correlation {pair.spearman:+.2f}{between(pair.spearman_interval)} of {pair.values:,} numbers"
        )
    if pair.mean_difference is not None:
        parts.append(f"numbers differ by {pair.mean_difference:.3g} on average")
    both = zip((pair.kind, pair.other), pair.saw_reference, strict=True)
    seen = [kind for kind, saw in both if saw and kind != GRADER]
    note = f" ({' and '.join(seen)} saw the right answer)" if seen else ""
    return f"{pair.kind} and {pair.other}{note}: {'; '.join(parts)}."


def between(interval: tuple[float, float] | None) -> str:
    """Write an interval in brackets, or nothing."""
    return "" if interval is None else f" ({interval[0]:.2f} to {interval[1]:.2f})"
