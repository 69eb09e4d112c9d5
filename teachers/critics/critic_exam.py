"""The exam of a critic: is a teacher's critique worth training on? Paid, so through the ledger and within a budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lessons.errors import ConfigError, DataError
from lessons.files import write_text
from lessons.grading import Grader
from lessons.records import Attempt, Prompt
from lessons.tables import read_annotations, read_attempts
from teachers.annotators.critique import CritiqueAnnotator
from teachers.annotators.rationale import RationaleAnnotator
from teachers.annotators.revision import RevisionAnnotator
from teachers.backend import TeacherBackend
from teachers.calls.budget import Budget
from teachers.calls.limits import Limits
from teachers.critics.closed_loop import ClosedLoop, Corrector
from teachers.critics.critic_report import CriticReport
from teachers.distillation import distill

__all__ = ["LOOPS", "REPORT", "closed_loop", "critic_report", "examine_critic"]

LOOPS, REPORT = "loops.parquet", "critic.json"


def examine_critic(
    critic: TeacherBackend,
    prompts: Sequence[Prompt],
    grader: Grader,
    ledger: str | Path,
    out: str | Path,
    solver: TeacherBackend | None = None,
    attempts: str | Path | None = None,
    corrected_by: Corrector = "critique",
    rounds: int = 1,
    samples: int = 1,
    step_key: str | None = None,
    first_step: int = 1,
    answer: RationaleAnnotator | None = None,
    critique: CritiqueAnnotator | None = None,
    revision: RevisionAnnotator | None = None,
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
        critic: Who is examined.
        prompts: The exam; every prompt needs a reference.
        grader: Marks attempts and corrections.
        ledger: The ledger's file.
        out: Folder to write to.
        solver: Who makes the attempts, and the corrections if `corrected_by` says so; None for the critic itself.
        attempts: Parquet file of attempts to criticise, such as a student's exam; None to let the solver answer.
        corrected_by: "critique": the corrected answer in the critique counts, as in RealCritic. "critic": the critic
            writes the work again from its critique. "solver": the solver does, so that it is seen whether the critique
            teaches (the corrected answer is not shown to it).
        rounds: How often correction follows on critique, at most.
        samples: Attempts of the solver at each prompt; further ones are drawn at the answer's fresh temperature.
        step_key: Key of the prompts' metadata that holds the first wrong step of the attempt: its number or its words;
            null or -1 where all are right. Needs `attempts`, one for each such prompt. Steps are numbered as the critic
            sees them: the items of a numbered list, else the lines that are not empty.
        first_step: Whether the data counts steps from 0 or from 1.
        answer: How the solver is asked; None for the defaults.
        critique: How the critic is asked; None for the defaults.
        revision: How corrections are asked for; None for the defaults.
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
    loop = closed_loop(prompts, solver, attempts, corrected_by, rounds, samples, step_key, answer, critique, revision)
    distill(prompts, critic, [loop], grader, ledger, out / LOOPS, limits, budget, progress, allow_partial=allow_partial)
    report = critic_report(
        out / LOOPS, prompts, grader, critic.model, corrected_by, rounds, step_key, first_step, confidence
    )
    written = json.dumps(report.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(out / REPORT, written + "\n")
    return report


def closed_loop(
    prompts: Sequence[Prompt],
    solver: TeacherBackend | None = None,
    attempts: str | Path | None = None,
    corrected_by: Corrector = "critique",
    rounds: int = 1,
    samples: int = 1,
    step_key: str | None = None,
    answer: RationaleAnnotator | None = None,
    critique: CritiqueAnnotator | None = None,
    revision: RevisionAnnotator | None = None,
) -> ClosedLoop:
    """Return what is asked in a critic's exam; the arguments and errors are those of `examine_critic`."""
    critique = critique or CritiqueAnnotator()
    check_loop(critique, solver, attempts, corrected_by, rounds, samples, step_key)
    known = None if attempts is None else attempts_of(Path(attempts), prompts, step_key)
    return ClosedLoop(
        answer or RationaleAnnotator(), critique, revision or RevisionAnnotator(), known, solver, corrected_by, rounds,
        samples,
    )  # fmt: skip


def critic_report(
    loops: Path,
    prompts: Sequence[Prompt],
    grader: Grader,
    critic: str,
    corrected_by: Corrector,
    rounds: int,
    step_key: str | None = None,
    first_step: int = 1,
    confidence: float = 0.95,
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
    return CriticReport.of(found, prompts, grader, critic, corrected_by, rounds, step_key, first_step, confidence)


def attempts_of(path: Path, prompts: Sequence[Prompt], step_key: str | None) -> dict[str, list[Attempt]]:
    """Read the attempts at the prompts of an exam, by prompt id.

    Raises:
        DataError: There is none, or several where the data knows the wrong step of one.
    """
    wanted = {prompt.id for prompt in prompts}
    found: dict[str, list[Attempt]] = {}
    for attempt in read_attempts(path):
        if attempt.prompt_id in wanted:
            found.setdefault(attempt.prompt_id, []).append(attempt)
    if not found:
        raise DataError(
            f"{path} has no attempt (got 0, at least 1 is needed) at any of the {len(wanted)} prompts of this exam. "
            "Give the attempts.parquet of an exam with the same prompts."
        )
    several = next((key for key, attempts in found.items() if len(attempts) > 1), None)
    if step_key is not None and several is not None:
        raise DataError(
            f"{path} has {len(found[several])} attempts at the prompt {several!r}, but {step_key!r} of a prompt's "
            "metadata can be about one only. Leave step_key out, or make each attempt a prompt of its own."
        )
    return found


def check_loop(
    critique: CritiqueAnnotator,
    solver: TeacherBackend | None,
    attempts: str | Path | None,
    corrected_by: Corrector,
    rounds: int,
    samples: int,
    step_key: str | None,
) -> None:
    """Refuse settings that cannot work, before anything is sent.

    Raises:
        ConfigError: The settings contradict each other.
    """
    if rounds < 1 or samples < 1:
        raise ConfigError(f"rounds is {rounds} and samples is {samples}; both must be 1 or more. Correct the setting.")
    if corrected_by == "solver" and solver is None:
        raise ConfigError(
            'corrected_by is "solver", but no solver is given (got None). Name the solver, or let corrections come '
            'from the "critique" or the "critic".'
        )
    if attempts is not None and (samples > 1 or (solver is not None and corrected_by != "solver")):
        raise ConfigError(
            f"With attempts ({attempts}) nobody has to answer, but samples is {samples} and the solver is "
            f"{'given' if solver else 'not given'}. Leave samples at 1, and the solver out unless corrected_by is "
            '"solver".'
        )
    if step_key is not None and attempts is None:
        raise ConfigError(
            f"step_key is {step_key!r}, but no attempts are given (got None): only of given attempts can the data know "
            "the first wrong step. Give the attempts, or leave step_key out."
        )
    if critique.show_reference and corrected_by == "critique":
        raise ConfigError(
            'The critic would be shown the reference (show_reference is true) and corrected_by is "critique": there '
            'would be nothing to examine. Set show_reference to false, or corrected_by to "solver".'
        )
