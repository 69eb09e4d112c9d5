"""The closed loop: an attempt is criticised and corrected, the correction criticised and corrected, and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from lessons.grading import Grader
from lessons.records import Annotation, Attempt, Prompt, Provenance
from teachers.annotators.base import Annotator, Asking, Fields
from teachers.annotators.critique import CritiqueAnnotator
from teachers.annotators.critiqued import Critiqued
from teachers.annotators.critiques import VERDICTS
from teachers.annotators.prompt_calls import PromptCalls
from teachers.annotators.rationale import RationaleAnnotator
from teachers.annotators.revision import RevisionAnnotator
from teachers.annotators.subjects import TYPICAL_TEXT, Subject, whole_text
from teachers.backend import Completion, Request, TeacherBackend

__all__ = ["ATTEMPT", "ClosedLoop", "Corrector", "Loop", "corrected_text", "loops_of"]

ATTEMPT = "attempt"
Corrector = Literal["critique", "critic", "solver"]


@dataclass(frozen=True, slots=True)
class Loop:
    """One attempt and what came of it, round by round."""

    attempt: Annotation
    """The attempt; its text is in `text`, whole."""
    critiques: tuple[Annotation, ...]
    """Of each round; fewer than asked for where a round ended the loop."""
    texts: tuple[str | None, ...]
    """The answer after each of these rounds; None where the critique led to none."""


class ClosedLoop(Annotator):
    """Takes attempts through rounds of critique and correction; `examine_critic` makes figures of it.

    Of every attempt it returns one annotation of the kind "attempt" (whole in `text`), and of every round a "critique"
    and, where one was asked for, a "revision"; `data` has "attempt" (its number) and "round" (from 1; 0 for the
    attempt). A loop ends early where the critic finds nothing wrong, or nothing that can be read came.

    Args:
        answer: How the solver is asked for attempts.
        critique: How the critic, the run's teacher, is asked.
        revision: How corrections are asked for.
        attempts: By prompt id, the attempts; None to let the solver answer.
        solver: Who answers, and who corrects if `corrected_by` says so; None for the critic.
        corrected_by: "critique": the corrected answer in the critique. "critic", "solver": a further ask.
        rounds: Rounds at most.
        samples: Attempts that the solver makes at each prompt.
    """

    kind = "closed_loop"

    def __init__(
        self,
        answer: RationaleAnnotator,
        critique: CritiqueAnnotator,
        revision: RevisionAnnotator,
        attempts: Mapping[str, Sequence[Attempt]] | None,
        solver: TeacherBackend | None,
        corrected_by: Corrector,
        rounds: int,
        samples: int,
    ) -> None:
        super().__init__(temperature=critique.temperature, max_output_tokens=critique.max_output_tokens)
        self.answer = answer
        self.critique = critique
        self.revision = revision
        self.attempts = attempts
        self.solver = solver
        self.corrected_by = corrected_by
        self.rounds = rounds
        self.samples = samples

    @property
    def backends(self) -> tuple[TeacherBackend, ...]:
        """The solver, where it is another than the critic."""
        return () if self.solver is None else (self.solver,)

    def check(self, grader: Grader | None) -> None:
        """Read the templates."""
        for annotator in (self.answer, self.critique, self.revision):
            annotator.check(grader)

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read a critique, the one thing that is always asked for."""
        return self.critique.parse(completion, prompt)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee the first critiques of known attempts, or the attempts the critic makes itself."""
        a_round = (1 + self.critique.repairs) + (1 + self.revision.repairs) * (self.corrected_by == "critic")
        if self.attempts is not None:
            texts = [attempt.text for attempt in self.attempts.get(prompt.id, ())]
            sure = [self.critique.subject_request(prompt, text, self.draw(k)) for k, text in enumerate(texts)]
            return sure, len(texts) * self.rounds * a_round
        sure = [self.answer.sample_request(prompt, k) for k in range(self.samples)] if self.solver is None else []
        return sure, len(sure) * (1 + self.answer.repairs) + self.samples * self.rounds * a_round

    def example(self, prompt: Prompt) -> Request | None:
        """Return the critique of an attempt: of the longest given, or of typical length."""
        texts = [TYPICAL_TEXT] if self.attempts is None else [one.text for one in self.attempts.get(prompt.id, ())]
        if not texts:
            return None
        return self.critique.in_full(self.critique.subject_request(prompt, max(texts, key=len), 0))

    def foresee_others(self, prompt: Prompt, earlier: Mapping[str, int]) -> list[PromptCalls]:
        """Foresee the solver's attempts, where it makes them, and its corrections, where they are its own."""
        if self.solver is None:
            return []
        sure: list[Request] = []
        attempts = self.samples
        if self.attempts is None:
            sure = [self.answer.sample_request(prompt, k) for k in range(self.samples)]
        else:
            attempts = len(self.attempts.get(prompt.id, ()))
        most, asks = len(sure) * (1 + self.answer.repairs), self.answer.example
        if self.corrected_by == "solver":
            most += attempts * self.rounds * (1 + self.revision.repairs)
            asks = self.revision.example
        return [PromptCalls(self.solver, sure, most, partial(asks, prompt))]

    def draw(self, attempt: int) -> int:
        """Return the sample number for what is asked about an attempt: greedy critics need not say things twice."""
        return 0 if self.critique.temperature == 0 else attempt

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Take every attempt through its rounds."""
        asking.refuse_ungradable()
        found: list[Annotation] = []
        for number, attempt in enumerate(await self.all_attempts(asking)):
            found.append(replace(attempt, data={"attempt": number, "round": 0}))
            found += await self.loop(asking, attempt, number)
        return found

    async def all_attempts(self, asking: Asking) -> list[Annotation]:
        """Return the attempts: those given, or fresh ones of the solver."""
        if self.attempts is not None:
            return [given(attempt) for attempt in self.attempts.get(asking.prompt.id, ())]
        requests = [self.answer.sample_request(asking.prompt, k) for k in range(self.samples)]
        answers = await self.answer.asked_samples(self.by_solver(asking), requests)
        return [replace(answer, kind=ATTEMPT, text=whole_text(answer), answer=None) for answer in answers]

    def by_solver(self, asking: Asking) -> Asking:
        """Return the asking that reaches the solver."""
        return asking if self.solver is None or asking.through is None else asking.through(self.solver)

    async def loop(self, asking: Asking, attempt: Annotation, number: int) -> list[Annotation]:
        """Take one attempt through its rounds."""
        found: list[Annotation] = []
        text: str | None = attempt.text
        corrector = self.by_solver(asking) if self.corrected_by == "solver" else asking
        for turn in range(1, self.rounds + 1):
            if text is None:
                break
            place: dict[str, Any] = {"attempt": number, "round": turn}
            subject = Subject(text, ATTEMPT, number, attempt.provenance.model)
            critique = await self.critique.one(asking, subject, self.draw(number))
            found.append(replace(critique, data={**critique.data, **place}))
            revision = None
            if critique.problem is None and critique.answer != VERDICTS[0] and self.corrected_by != "critique":
                revision = await self.revision.one(corrector, Critiqued(text, (critique,)), self.draw(number))
                found.append(replace(revision, data={**revision.data, **place}))
            if critique.answer == VERDICTS[0]:
                break
            text = corrected_text(text, critique, revision, self.corrected_by)
        return found


def given(attempt: Attempt) -> Annotation:
    """Return an attempt of a file as an annotation."""
    source = Provenance("attempts", attempt.author, "", "", output_tokens=attempt.tokens)
    return Annotation(attempt.prompt_id, ATTEMPT, attempt.sample, attempt.text, source, grade=attempt.grade)


def corrected_text(text: str, critique: Annotation, revision: Annotation | None, corrected_by: Corrector) -> str | None:
    """Return the answer that a critique leads to; None where it leads to none: it cannot be read, or gives none."""
    if critique.problem is not None:
        return None
    if critique.answer == VERDICTS[0]:
        return text
    if corrected_by == "critique":
        corrected = critique.data.get("corrected_answer")
        return None if corrected is None else f"{critique.text}\nAnswer: {corrected}".strip()
    return None if revision is None or revision.problem is not None else whole_text(revision)


def loops_of(annotations: Sequence[Annotation], corrected_by: Corrector) -> list[Loop]:
    """Put the annotations of one prompt together again, attempt by attempt."""
    by_place = {(a.data["attempt"], a.data["round"], a.kind): a for a in annotations}
    loops = []
    for number in sorted({number for number, _, _ in by_place}):
        attempt = by_place[number, 0, ATTEMPT]
        text: str | None = attempt.text
        critiques: list[Annotation] = []
        texts: list[str | None] = []
        while text is not None and (number, len(critiques) + 1, "critique") in by_place:
            turn = len(critiques) + 1
            critiques.append(by_place[number, turn, "critique"])
            text = corrected_text(text, critiques[-1], by_place.get((number, turn, "revision")), corrected_by)
            texts.append(text)
        loops.append(Loop(attempt, tuple(critiques), tuple(texts)))
    return loops
