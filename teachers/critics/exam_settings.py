"""How a critic is examined: who answers, who criticises, whose correction counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lessons.errors import ConfigError, DataError
from lessons.records import Attempt, Prompt
from lessons.tables import read_attempts
from teachers.annotators.critique import CritiqueAnnotator
from teachers.annotators.rationale import RationaleAnnotator
from teachers.annotators.revision import RevisionAnnotator
from teachers.backend import TeacherBackend
from teachers.critics.closed_loop import ClosedLoop, Corrector

__all__ = ["CriticExam"]


@dataclass(frozen=True)
class CriticExam:
    """How a critic is examined: its critiques lead to corrections, and those are graded (RealCritic's closed loop)."""

    backend: TeacherBackend
    """The critic."""
    solver: TeacherBackend | None = None
    """Who makes the attempts, and the corrections if `corrected_by` says so; None for the critic itself."""
    attempts: str | None = None
    """An exam's attempts.parquet to criticise, such as a student's; None lets the solver answer."""
    corrected_by: Corrector = "critique"
    """Whose correction counts. "critique": the corrected answer in the critique, as in RealCritic. "critic": the critic
    writes the work again from its critique. "solver": the solver does, so that it is seen whether the critique teaches
    (the corrected answer is not shown to it)."""
    rounds: int = 1
    """How often correction follows on critique, at most."""
    samples: int = 1
    """Attempts of the solver at each question; further ones are drawn at the answer's fresh temperature."""
    step_key: str | None = None
    """Key of the prompts' metadata that holds the first wrong step of the attempt: its number or its words; null or -1
    where all are right. None where the data has none. Needs `attempts`, one for each such prompt. Steps are numbered as
    the critic sees them: the items of a numbered list, else the lines that are not empty."""
    first_step: int = 1
    """Whether the data counts steps from 0 or from 1."""
    answer: RationaleAnnotator | None = None
    """How the solver is asked; None for the defaults."""
    critique: CritiqueAnnotator | None = None
    """How the critic is asked; None for the defaults."""
    revision: RevisionAnnotator | None = None
    """How corrections are asked for; None for the defaults."""

    def loop(self, prompts: Sequence[Prompt]) -> ClosedLoop:
        """Return what is asked about the prompts.

        Raises:
            ConfigError: The settings contradict each other.
            DataError: The attempts do not fit the prompts.
        """
        critique = self.critique or CritiqueAnnotator()
        self.check(critique)
        known = None if self.attempts is None else attempts_of(Path(self.attempts), prompts, self.step_key)
        return ClosedLoop(
            self.answer or RationaleAnnotator(), critique, self.revision or RevisionAnnotator(), known, self.solver,
            self.corrected_by, self.rounds, self.samples,
        )  # fmt: skip

    def check(self, critique: CritiqueAnnotator) -> None:
        """Refuse settings that cannot work, before anything is sent.

        Args:
            critique: How the critic is asked.

        Raises:
            ConfigError: The settings contradict each other.
        """
        if self.rounds < 1 or self.samples < 1:
            raise ConfigError(
                f"rounds is {self.rounds} and samples is {self.samples}; both must be 1 or more. Correct the setting."
            )
        if self.corrected_by == "solver" and self.solver is None:
            raise ConfigError(
                'corrected_by is "solver", but no solver is given (got None). Name the solver, or let corrections come '
                'from the "critique" or the "critic".'
            )
        answers = self.samples > 1 or (self.solver is not None and self.corrected_by != "solver")
        if self.attempts is not None and answers:
            raise ConfigError(
                f"With attempts ({self.attempts}) nobody has to answer, but samples is {self.samples} and the solver "
                f"is {'given' if self.solver else 'not given'}. Leave samples at 1, and the solver out unless "
                'corrected_by is "solver".'
            )
        if self.step_key is not None and self.attempts is None:
            raise ConfigError(
                f"step_key is {self.step_key!r}, but no attempts are given (got None): only of given attempts can the "
                "data know the first wrong step. Give the attempts, or leave step_key out."
            )
        if critique.show_reference and self.corrected_by == "critique":
            raise ConfigError(
                'The critic would be shown the reference (show_reference is true) and corrected_by is "critique": '
                'there would be nothing to examine. Set show_reference to false, or corrected_by to "solver".'
            )


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
