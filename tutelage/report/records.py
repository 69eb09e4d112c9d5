"""What a report holds: plain records that are written as report.json and drawn as report.html."""

from __future__ import annotations

from dataclasses import dataclass, field

from lessons.report_card import ReportCard
from tutelage.settings import JSON

__all__ = ["AnnotationCount", "ArmReport", "Report", "Sample", "SampleAnswer", "Spending", "Training"]


@dataclass(frozen=True)
class Training:
    """What the training of an arm took."""

    lessons: int | None = None
    """Different lessons in the curriculum."""
    updates: int | None = None
    """Optimiser updates."""
    processed_tokens: int | None = None
    """Tokens that went through the model, prompt included, padding excluded."""
    supervised_tokens: int | None = None
    """Tokens that carried loss."""
    seconds: float | None = None
    """Wall-clock time of the training step, start of the process included."""
    losses: tuple[tuple[int, float], ...] = ()
    """(update, loss) pairs."""


@dataclass(frozen=True)
class ArmReport:
    """One way of teaching, from plan to exam."""

    name: str
    """The arm's name."""
    description: str
    """What it trains on and in which order, in a few words."""
    exam: ReportCard
    """Its student's marks."""
    training: Training
    """What its training took."""
    curriculum_picture: str | None = None
    """The picture of its plan: base64 of a PNG."""


@dataclass(frozen=True)
class AnnotationCount:
    """How many annotations of one kind a round has."""

    kind: str
    """"rationale", "critique", "difficulty" ..."""
    total: int
    """All of them."""
    verified: int
    """Graded right against the reference."""
    rejected: int
    """Graded wrong: kept on disk, not trained on by default."""
    unusable: int
    """Could not be read, were cut off or refused, or a check found fault with them, such as a leaked answer."""
    ungraded: int
    """Parsed, with nothing to grade against."""


@dataclass(frozen=True)
class Spending:
    """What the teacher cost."""

    teacher: str
    """The backend and model asked."""
    calls: int
    """Replies paid for, all rounds so far."""
    input_tokens: int
    """Tokens the teacher read."""
    output_tokens: int
    """Tokens the teacher wrote."""
    dollars: float | None
    """Sum of the known prices; None when no price is known."""
    unpriced_calls: int = 0
    """Calls whose price is not known; never counted as free."""


@dataclass(frozen=True)
class SampleAnswer:
    """One author's answer to a sample question."""

    author: str
    """Who wrote it."""
    text: str
    """The whole answer."""
    correct: bool | None
    """Its mark; None when not graded."""
    answer: str | None = None
    """The final answer as the grader read it."""


@dataclass(frozen=True)
class Sample:
    """One exam question with everyone's answers side by side."""

    prompt_id: str
    """The question's id."""
    question: str
    """The question."""
    reference: str | None
    """The right answer."""
    answers: tuple[SampleAnswer, ...]
    """The answers, arms first."""


@dataclass(frozen=True)
class Report:
    """Everything one round's report shows."""

    course: str
    """The course's name."""
    round: int
    """0-based number of the round."""
    arms: tuple[ArmReport, ...]
    """The arms, in the order of the config."""
    others: tuple[ReportCard, ...] = ()
    """Marks of the base model and of the teacher, where they sat the exam."""
    annotations: tuple[AnnotationCount, ...] = ()
    """Annotations by kind."""
    agreements: tuple[str, ...] = ()
    """How far the teachers agree, and verdicts with the grader, in plain sentences."""
    spending: tuple[Spending, ...] = ()
    """What each teacher cost; empty when nobody was asked."""
    verdicts: tuple[str, ...] = ()
    """Plain sentences on what the exam shows."""
    samples: tuple[Sample, ...] = ()
    """Sample answers."""
    former: tuple[tuple[str, tuple[ReportCard, ...]], ...] = ()
    """Marks of earlier rounds: (label, exams)."""
    provenance: dict[str, JSON] = field(default_factory=dict)
    """Config, versions, seeds, fingerprints, machine."""

    @property
    def exams(self) -> tuple[ReportCard, ...]:
        """All marks of this round: arms first."""
        return (*(arm.exam for arm in self.arms), *self.others)
