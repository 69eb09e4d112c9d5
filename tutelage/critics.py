"""Examining a critic: what its critiques lead to, before a student is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lessons.grading import Grader
from lessons.records import Prompt
from lessons.tables import read_prompts
from teachers import Budget, CritiqueAnnotator, Limits, RationaleAnnotator, RevisionAnnotator, TeacherBackend
from tutelage.settings import JSON, settings_of

if TYPE_CHECKING:
    from teachers.critics.critic_report import CriticReport
    from teachers.estimate import Estimate

__all__ = ["CRITIC_FILES", "CriticExam", "examine", "foresee"]

CRITIC_FILES = ("loops.parquet", "critic.json")


@dataclass(frozen=True)
class CriticExam:
    """How a critic is examined: its critiques lead to corrections, and those are graded (RealCritic's closed loop)."""

    backend: TeacherBackend
    """The critic."""
    solver: TeacherBackend | None = None
    """Who makes the attempts; None for the critic itself."""
    attempts: str | None = None
    """An exam's attempts.parquet to criticise, such as a student's; None lets the solver answer."""
    corrected_by: Literal["critique", "critic", "solver"] = "critique"
    """Whose correction counts: the one in the critique, one that the critic writes from it, or one of the solver's."""
    rounds: int = 1
    """How often correction follows on critique, at most."""
    samples: int = 1
    """Attempts of the solver at each question."""
    step_key: str | None = None
    """Key of the prompts' metadata that holds the first wrong step of the attempt; None where the data has none."""
    first_step: int = 1
    """Whether the data counts steps from 0 or from 1."""
    answer: RationaleAnnotator | None = None
    """How the solver is asked; None for the defaults."""
    critique: CritiqueAnnotator | None = None
    """How the critic is asked; None for the defaults."""
    revision: RevisionAnnotator | None = None
    """How corrections are asked for; None for the defaults."""

    def settings(self) -> JSON:
        """Return what shapes the report."""
        return settings_of(self)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files it reads besides the questions."""
        return (Path(self.attempts),) if self.attempts else ()


def foresee(
    exam: CriticExam, questions: Sequence[Prompt], grader: Grader, ledger: Path, limits: Limits | None,
    budget: Budget | None,
) -> Estimate:  # fmt: skip
    """Estimate what the exam of a critic will take; ask nobody."""
    from teachers.critics.critic_exam import closed_loop
    from teachers.estimate import estimate

    loop = closed_loop(
        questions, exam.solver, exam.attempts, exam.corrected_by, exam.rounds, exam.samples, exam.step_key, exam.answer,
        exam.critique, exam.revision,
    )  # fmt: skip
    return estimate(questions, exam.backend, [loop], grader, ledger, limits, budget)


def examine(
    exam: CriticExam, questions: Path, folder: Path, grader: Grader, ledger: Path, limits: Limits | None,
    budget: Budget | None,
) -> CriticReport:  # fmt: skip
    """Examine a critic on the questions of a Parquet file; write loops.parquet and critic.json into a folder."""
    from teachers import examine_critic

    return examine_critic(
        exam.backend, list(read_prompts(questions)), grader, ledger, folder, exam.solver, exam.attempts,
        exam.corrected_by, exam.rounds, exam.samples, exam.step_key, exam.first_step, exam.answer, exam.critique,
        exam.revision, limits, budget,
    )  # fmt: skip
