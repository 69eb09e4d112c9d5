"""The exam of a critic: is a teacher's critique worth training on? Paid, so through the ledger and within a budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lessons.errors import DataError
from lessons.files import write_text
from lessons.grading import Grader
from lessons.records import Prompt
from lessons.tables import read_annotations
from teachers.calls.budget import Budget
from teachers.calls.limits import Limits
from teachers.critics.critic_report import CriticReport
from teachers.critics.exam_settings import CriticExam
from teachers.distillation import distill

__all__ = ["LOOPS", "REPORT", "critic_report", "examine_critic"]

LOOPS, REPORT = "loops.parquet", "critic.json"


def examine_critic(
    exam: CriticExam,
    prompts: Sequence[Prompt],
    grader: Grader,
    ledger: str | Path,
    out: str | Path,
    limits: Limits | None = None,
    budget: Budget | None = None,
    confidence: float = 0.95,
    progress: bool = True,
    allow_partial: bool = False,
) -> CriticReport:
    """Examine a critic by what its critiques lead to; write loops.parquet (all texts) and critic.json (the report).

    The closed loop of RealCritic (Tang et al. 2025, arXiv:2501.14492): an attempt is criticised, the critique leads to
    a correction, and that is graded. Modes: "self" (the critic's own attempts: neither solver nor attempts given),
    "cross" (a solver's, or a file's), iterative (more than one round). A critic that finds nothing wrong ends the loop
    with the answer as it is; a critique that cannot be read, or gives no correction, counts as a wrong answer. The
    figures are those of `lessons.critique_metrics`. Every mark is made anew by the one grader given.

    It can be stopped at any instant and run again: every reply is in the ledger before it is read.

    Args:
        exam: Who is examined, and how.
        prompts: The exam; every prompt needs a reference.
        grader: Marks attempts and corrections.
        ledger: The ledger's file.
        out: Folder to write to.
        limits: How hard each teacher may be worked.
        budget: What both may take together.
        confidence: Confidence of the intervals.
        progress: Show progress on stderr.
        allow_partial: Report on what could be had when some calls failed for good.

    Raises:
        ConfigError: The settings contradict each other.
        DataError: The attempts do not fit the prompts.
        PartialResult: Some calls failed for good.
        Stopped: By the user or (`BudgetExceeded`) by the budget. Run again to go on.
    """
    out = Path(out)
    distill(
        prompts, exam.backend, [exam.loop(prompts)], grader, ledger, out / LOOPS, limits, budget, progress,
        allow_partial=allow_partial,
    )  # fmt: skip
    report = critic_report(out / LOOPS, prompts, grader, exam, confidence)
    written = json.dumps(report.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(out / REPORT, written + "\n")
    return report


def critic_report(
    loops: Path, prompts: Sequence[Prompt], grader: Grader, exam: CriticExam, confidence: float = 0.95
) -> CriticReport:
    """Make the report from loops that lie on disk: another grader costs nothing.

    Raises:
        DataError: There is nothing to report on.
    """
    found = list(read_annotations(loops))
    if not found:
        raise DataError(
            f"{loops} holds no attempt (got 0, at least 1 is needed): no prompt of the exam has one. Check that "
            "the attempts are of these prompts, by their ids."
        )
    return CriticReport.of(found, prompts, grader, exam, confidence)
