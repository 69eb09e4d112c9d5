"""Examining a critic: what its critiques lead to, before a student is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lessons.grading import Grader
from lessons.records import Prompt
from lessons.tables import read_prompts
from teachers import Budget, CriticExam, Limits

if TYPE_CHECKING:
    from teachers.critics.critic_report import CriticReport
    from teachers.estimate import Estimate

__all__ = ["CRITIC_FILES", "examine", "foresee", "inputs_of"]

CRITIC_FILES = ("loops.parquet", "critic.json")


def inputs_of(exam: CriticExam) -> tuple[Path, ...]:
    """Return the files that a critic's exam reads besides the questions."""
    return (Path(exam.attempts),) if exam.attempts else ()


def foresee(
    exam: CriticExam, questions: Sequence[Prompt], grader: Grader, ledger: Path, limits: Limits | None,
    budget: Budget | None,
) -> Estimate:  # fmt: skip
    """Estimate what the exam of a critic will take; ask nobody."""
    from teachers.estimate import estimate

    return estimate(questions, exam.backend, [exam.loop(questions)], grader, ledger, limits, budget)


def examine(
    exam: CriticExam, questions: Path, folder: Path, grader: Grader, ledger: Path, limits: Limits | None,
    budget: Budget | None,
) -> CriticReport:  # fmt: skip
    """Examine a critic on the questions of a Parquet file; write loops.parquet and critic.json into a folder."""
    from teachers import examine_critic

    return examine_critic(exam, list(read_prompts(questions)), grader, ledger, folder, limits, budget)
