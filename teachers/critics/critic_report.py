"""What an examination of a critic found: figures from its closed loops, as JSON values and as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lessons.critique_metrics import Judgements, Transitions, json_of, share
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from lessons.report_card import Cell
from teachers.annotators.critiques import step_number
from teachers.annotators.numbered import steps_of
from teachers.critics.closed_loop import Corrector, Loop, loops_of
from teachers.critics.exam_settings import CriticExam

__all__ = ["CriticReport", "Round"]

NO_WRONG_STEP = (None, -1, "")


@dataclass(frozen=True, slots=True)
class Round:
    """One round of all loops."""

    from_first: Transitions
    """From the attempt to the answer after this round."""
    from_previous: Transitions
    """From the answer before this round to the one after it."""
    judgements: Judgements
    """The verdicts on the answers that this round criticised."""


@dataclass(frozen=True, slots=True)
class CriticReport:
    """How good a critic is. All marks in it are by one grader, old marks of the attempts are not used."""

    critic: str
    """The model that criticised."""
    solver: str
    """The model, or models, whose attempts were criticised."""
    mode: str
    """"self" where both are one, "cross" where they are not; with ", iterative" for more than one round."""
    corrected_by: Corrector
    """Who wrote the corrections: see `examine_critic`."""
    grader: str
    """Name and version of the grader."""
    confidence: float
    """Confidence of all intervals."""
    prompts: int
    """Prompts with at least one attempt."""
    missing: int
    """Prompts of the exam without any: no attempt in the file, or calls that failed for good."""
    rounds: tuple[Round, ...]
    """Round by round; a loop that ended early stays as it ended."""
    location: Cell | None
    """How often the critic named the first wrong step, where the data knows it; None where it does not."""
    graded_otherwise: int
    """Attempts whose mark in their file is not the mark here: another grader, or another version."""
    dollars: float | None
    """What all replies cost when they were bought; None where a price is not known."""

    @classmethod
    def of(
        cls,
        annotations: Iterable[Annotation],
        prompts: Sequence[Prompt],
        grader: Grader,
        exam: CriticExam,
        confidence: float = 0.95,
    ) -> CriticReport:
        """Make the figures from what `ClosedLoop` wrote. Pure: a new grader needs no new call.

        Args:
            annotations: What `ClosedLoop` wrote.
            prompts: The exam.
            grader: Marks attempts and corrections, all of them anew.
            exam: How the critic was examined.
            confidence: Confidence of the intervals.
        """
        by_prompt: dict[str, list[Annotation]] = {}
        for annotation in annotations:
            by_prompt.setdefault(annotation.prompt_id, []).append(annotation)
        known = {prompt.id: prompt for prompt in prompts}
        loops = [(known[key], loop) for key, found in by_prompt.items() for loop in loops_of(found, exam.corrected_by)]
        marks = [marks_of(loop, prompt, grader, exam.rounds) for prompt, loop in loops]
        authors = sorted({loop.attempt.provenance.model for _, loop in loops})
        hits = [hit for prompt, loop in loops for hit in located(loop, prompt, exam.step_key, exam.first_step)]
        sources = [annotation.provenance for found in by_prompt.values() for annotation in found]
        costs = {source.request_key: source.cost_dollars for source in sources if source.request_key}
        critic = exam.backend.model
        mode = "self" if authors == [critic] else "cross"
        old = [loop.attempt.grade for _, loop in loops]
        return cls(
            critic=critic,
            solver=", ".join(authors),
            mode=f"{mode}, iterative" if exam.rounds > 1 else mode,
            corrected_by=exam.corrected_by,
            grader=grader.name,
            confidence=confidence,
            prompts=len(by_prompt),
            missing=len(known) - len(by_prompt),
            rounds=tuple(
                round_of(turn, [loop for _, loop in loops], marks) for turn in range(1, exam.rounds + 1)
            ),
            location=share(sum(hits), len(hits), confidence),
            graded_otherwise=sum(
                grade is not None and grade.correct != mark[0] for grade, mark in zip(old, marks, strict=True)
            ),
            dollars=None if None in costs.values() else sum(cost or 0.0 for cost in costs.values()),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        last = len(self.rounds)
        return {
            "critic": self.critic,
            "solver": self.solver,
            "mode": self.mode,
            "corrected_by": self.corrected_by,
            "grader": self.grader,
            "confidence": self.confidence,
            "prompts": self.prompts,
            "missing": self.missing,
            "attempts": self.rounds[0].from_first.total,
            "graded_otherwise": self.graded_otherwise,
            "location": json_of(self.location),
            "dollars": self.dollars,
            "rounds": [
                {
                    "round": number,
                    "from_first": turn.from_first.figures(self.confidence),
                    **({"from_previous": turn.from_previous.figures(self.confidence)} if last > 1 else {}),
                    "judgements": turn.judgements.figures(self.confidence),
                }
                for number, turn in enumerate(self.rounds, 1)
            ],
        }

    def text(self) -> str:
        """Return the report as a table of plain text."""
        lines = [
            f"{self.critic} as critic of {self.solver} ({self.mode}; corrected by the {self.corrected_by}; "
            f"{self.grader}; intervals of {self.confidence:.0%})"
        ]
        for number, turn in enumerate(self.rounds, 1):
            if len(self.rounds) > 1:
                lines.append(f"after round {number}")
            lines += [f"  {name:<38}{value}" for name, value in self.rows(turn)]
        if self.location is not None:
            lines.append(f"  {'names the first wrong step':<38}{written(self.location)}")
        if self.missing:
            lines.append(f"  {self.missing} prompts have no attempt and are in no figure")
        if self.graded_otherwise:
            lines.append(
                f"  {self.graded_otherwise} attempts were marked otherwise in their file; the marks here count"
            )
        return "\n".join(lines)

    def rows(self, turn: Round) -> list[tuple[str, str]]:
        """Return the figures of a round, named and written."""
        moves, judged, level = turn.from_first, turn.judgements, self.confidence
        relative = moves.relative(level)
        score = "-" if relative is None else f"{relative.value:.3f} ({relative.low:.3f} to {relative.high:.3f})"
        return [
            ("right before", written(moves.before(level))),
            ("right after", written(moves.after(level))),
            ("right ones kept (CL)", written(moves.kept(level))),
            ("wrong ones mended (CS)", written(moves.mended(level))),
            ("overcorrected (1 - CL)", written(moves.overcorrected(level))),
            ("relative self-correction (RSS)", score),
            ("verdicts that agree with the grader", written(judged.accuracy(level))),
            ('precision of "incorrect"', written(judged.precision(level))),
            ('recall of "incorrect"', written(judged.recall(level))),
            ("verdicts that could not be read", f"{judged.unreadable} of {judged.total}"),
        ]


def written(cell: Cell | None) -> str:
    """Write a figure with its counts and interval.

    >>> written(share(1, 2))
    '1 of 2 = 50.0% (9.5% to 90.5%)'
    """
    if cell is None:
        return "-"
    return f"{cell.correct} of {cell.total} = {cell.accuracy:.1%} ({cell.low:.1%} to {cell.high:.1%})"


def marks_of(loop: Loop, prompt: Prompt, grader: Grader, rounds: int) -> list[bool]:
    """Return whether the answer was right at first and after each round; an answer that is not there is wrong."""
    texts: list[str | None] = [loop.attempt.text, *loop.texts]
    texts += [texts[-1]] * (rounds + 1 - len(texts))
    return [text is not None and grader.grade(text, prompt).correct for text in texts]


def round_of(turn: int, loops: Sequence[Loop], marks: Sequence[Sequence[bool]]) -> Round:
    """Count one round, from 1."""
    return Round(
        from_first=Transitions.of((mark[0], mark[turn]) for mark in marks),
        from_previous=Transitions.of((mark[turn - 1], mark[turn]) for mark in marks),
        judgements=Judgements.of(
            (mark[turn - 1], verdict_of(loop.critiques[turn - 1]))
            for loop, mark in zip(loops, marks, strict=True)
            if len(loop.critiques) >= turn
        ),
    )


def verdict_of(critique: Annotation) -> str | None:
    """Return the verdict; None where it could not be read."""
    return critique.answer if critique.problem is None else None


def located(loop: Loop, prompt: Prompt, step_key: str | None, first_step: int) -> list[bool]:
    """Return whether the critic named the first wrong step; nothing where the data does not know one."""
    known = prompt.metadata.get(step_key) if step_key else None
    if known in NO_WRONG_STEP or not loop.critiques:
        return []
    steps = steps_of(loop.attempt.text)
    wanted = known - first_step + 1 if isinstance(known, int) else step_number(str(known), steps)
    return [wanted is not None and loop.critiques[0].data.get("first_wrong_step") == wanted]
