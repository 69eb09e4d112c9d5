"""How good a critic is, in figures: what its corrections mend and break, what its verdicts miss, where it sees errors.

Every figure comes with its count and its interval (`Cell`), or is None where there is nothing to count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from lessons.report_card import Cell

__all__ = ["Judgements", "SelfCorrection", "Transitions", "relative_score", "share"]


def share(part: int, total: int, confidence: float = 0.95) -> Cell | None:
    """Return a share with its interval (Wilson's); None of nothing.

    >>> share(1, 2).accuracy, share(0, 0)
    (0.5, None)
    """
    return Cell.of([True] * part + [False] * (total - part), confidence) if total else None


def relative_score(before: float, after: float) -> float | None:
    """Return the relative self-correction score of two accuracies: RSS of `SelfCorrection`; None at 0 and 1.

    >>> relative_score(0.5, 0.25), relative_score(0.5, 0.75), relative_score(1.0, 1.0)
    (0.0, 1.0, None)
    """
    return (after - before**2) / (2 * before * (1 - before)) if 0 < before < 1 else None


@dataclass(frozen=True, slots=True)
class SelfCorrection:
    """The relative score of a correction, after "Confidence v.s. Critique" (Yang et al. 2024, arXiv:2412.19513).

    RSS = (Acc2 - Acc1^2) / (2 Acc1 (1 - Acc1)), with Acc1 the accuracy before and Acc2 after: 0 when Acc2 is at its
    lower bound Acc1^2, 1 at its upper bound Acc1^2 + 2 Acc1 (1 - Acc1). Real values may lie outside.
    """

    value: float
    """RSS."""
    low: float
    """RSS at the lower end of the interval of Acc2, with Acc1 taken as known."""
    high: float
    """RSS at the upper end."""
    total: int
    """Answers it rests on."""
    lower_bound: float
    """The accuracy that would be 0."""
    upper_bound: float
    """The accuracy that would be 1."""


@dataclass(frozen=True, slots=True)
class Transitions:
    """How often answers were right before and after a correction: the closed loop of RealCritic (arXiv:2501.14492).

    With P_a = P(right before), P_b = P(right after | right before), P_c = P(right after | wrong before) of each
    question, "Confidence v.s. Critique" (Yang et al. 2024, arXiv:2412.19513) defines CL = sum P_a P_b / sum P_a and
    CS = sum (1 - P_a) P_c / sum (1 - P_a). Where every question has equally many samples these are the shares counted
    here, and Acc2 = Acc1 CL + (1 - Acc1) CS always holds. Several samples of one question make the intervals too
    narrow.
    """

    right_right: int = 0
    """Right before and after."""
    right_wrong: int = 0
    """Right before, wrong after."""
    wrong_right: int = 0
    """Wrong before, right after."""
    wrong_wrong: int = 0
    """Wrong before and after."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[bool, bool]]) -> Transitions:
        """Count (right before, right after)."""
        counts = dict.fromkeys([(True, True), (True, False), (False, True), (False, False)], 0)
        for pair in pairs:
            counts[pair] += 1
        return cls(*counts.values())

    @property
    def total(self) -> int:
        """All answers."""
        return self.right + self.wrong

    @property
    def right(self) -> int:
        """Answers right before."""
        return self.right_right + self.right_wrong

    @property
    def wrong(self) -> int:
        """Answers wrong before."""
        return self.wrong_right + self.wrong_wrong

    def before(self, confidence: float = 0.95) -> Cell | None:
        """Return Acc1, the accuracy before the correction."""
        return share(self.right, self.total, confidence)

    def after(self, confidence: float = 0.95) -> Cell | None:
        """Return Acc2, the accuracy after the correction."""
        return share(self.right_right + self.wrong_right, self.total, confidence)

    def kept(self, confidence: float = 0.95) -> Cell | None:
        """Return CL, the confidence level: how many of the right answers stayed right."""
        return share(self.right_right, self.right, confidence)

    def mended(self, confidence: float = 0.95) -> Cell | None:
        """Return CS, the critique score: how many of the wrong answers became right."""
        return share(self.wrong_right, self.wrong, confidence)

    def overcorrected(self, confidence: float = 0.95) -> Cell | None:
        """Return 1 - CL, the rate of overcorrection: how many of the right answers were made wrong."""
        return share(self.right_wrong, self.right, confidence)

    def relative(self, confidence: float = 0.95) -> SelfCorrection | None:
        """Return RSS; None where nothing, or everything, was right before."""
        before, after = self.before(confidence), self.after(confidence)
        if before is None or after is None:
            return None
        scores = [relative_score(before.accuracy, accuracy) for accuracy in (after.accuracy, after.low, after.high)]
        value, low, high = scores
        if value is None or low is None or high is None:
            return None
        first = before.accuracy
        return SelfCorrection(value, low, high, self.total, first**2, first**2 + 2 * first * (1 - first))

    def figures(self, confidence: float = 0.95) -> dict[str, Any]:
        """Return counts and figures as JSON values."""
        return {
            "counts": asdict(self),
            "accuracy_before": json_of(self.before(confidence)),
            "accuracy_after": json_of(self.after(confidence)),
            "confidence_level": json_of(self.kept(confidence)),
            "critique_score": json_of(self.mended(confidence)),
            "overcorrection": json_of(self.overcorrected(confidence)),
            "relative_self_correction": json_of(self.relative(confidence)),
        }


@dataclass(frozen=True, slots=True)
class Judgements:
    """A critic's verdicts against the grader's, with "incorrect" as what is to be detected."""

    spotted: int = 0
    """Wrong attempts called incorrect."""
    missed: int = 0
    """Wrong attempts called correct."""
    false_alarms: int = 0
    """Right attempts called incorrect."""
    accepted: int = 0
    """Right attempts called correct."""
    unreadable_wrong: int = 0
    """Wrong attempts without a verdict that could be read."""
    unreadable_right: int = 0
    """Right attempts without a verdict that could be read."""

    @classmethod
    def of(cls, verdicts: Iterable[tuple[bool, str | None]]) -> Judgements:
        """Count (the attempt is right, the verdict: "correct", "incorrect" or None)."""
        order = [(False, "incorrect"), (False, "correct"), (True, "incorrect"), (True, "correct")]
        counts: dict[tuple[bool, str | None], int] = dict.fromkeys([*order, (False, None), (True, None)], 0)
        for verdict in verdicts:
            counts[verdict] += 1
        return cls(*counts.values())

    @property
    def total(self) -> int:
        """All attempts judged."""
        return self.spotted + self.missed + self.false_alarms + self.accepted + self.unreadable

    @property
    def unreadable(self) -> int:
        """Attempts without a verdict that could be read."""
        return self.unreadable_wrong + self.unreadable_right

    def accuracy(self, confidence: float = 0.95) -> Cell | None:
        """Return how many verdicts agree with the grader; no verdict counts as a wrong one."""
        return share(self.spotted + self.accepted, self.total, confidence)

    def precision(self, confidence: float = 0.95) -> Cell | None:
        """Return how many of the attempts called incorrect are."""
        return share(self.spotted, self.spotted + self.false_alarms, confidence)

    def recall(self, confidence: float = 0.95) -> Cell | None:
        """Return how many of the wrong attempts were called incorrect; no verdict counts as a miss."""
        return share(self.spotted, self.spotted + self.missed + self.unreadable_wrong, confidence)

    def figures(self, confidence: float = 0.95) -> dict[str, Any]:
        """Return counts and figures as JSON values."""
        return {
            "counts": asdict(self),
            "accuracy": json_of(self.accuracy(confidence)),
            "precision_of_incorrect": json_of(self.precision(confidence)),
            "recall_of_incorrect": json_of(self.recall(confidence)),
        }


def json_of(figure: Cell | SelfCorrection | None) -> dict[str, Any] | None:
    """Return a figure as JSON values."""
    return None if figure is None else asdict(figure)
