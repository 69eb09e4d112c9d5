"""Lets every annotator work on one prompt, each through the teacher it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from lessons.errors import CallFailed, TutelageError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking
from teachers.annotators.roll import Roll
from teachers.backend import Request, TeacherBackend
from teachers.calls.caller import Reply
from teachers.calls.callers import Callers
from teachers.calls.lookup import Lookup, Missing

__all__ = ["Failure", "Worked", "Worker"]

UNTRIED = 64  # prompts that are not looked up as a whole after one that was not in the ledger
Ways = tuple[Callable[[Request], Awaitable[Reply]], Callable[[Sequence[Request]], Awaitable[list[Reply]]]]


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of annotation that could not be had for one prompt."""

    prompt_id: str
    """The prompt."""
    kind: str
    """The kind of annotation."""
    reason: str
    """The error."""
    attempts: int = 0
    """Calls that were made for it in vain, in this run."""


@dataclass(slots=True)
class Worked:
    """What came of one prompt."""

    annotations: list[Annotation] = field(default_factory=list)
    """All annotations, in the order of the annotators."""
    failures: list[Failure] = field(default_factory=list)
    """What could not be had."""
    of_prompt: bool = True
    """Whether it is of one prompt; False for what only the whole run allows (`Roll.conclude`)."""


class Worker:
    """Works on prompts, one at a time or many at once.

    Args:
        callers: Whom to ask through.
        teacher: The run's teacher.
        annotators: What is asked, in order.
        grader: Marks answers.
        rolls: What each annotator knows of the run.
        only: Ids of the prompts that calls may be made for; None for all. The others come from the ledger.
    """

    def __init__(
        self,
        callers: Callers,
        teacher: TeacherBackend,
        annotators: Sequence[Annotator],
        grader: Grader | None,
        rolls: Sequence[Roll | None],
        only: frozenset[str] | None = None,
    ) -> None:
        self.callers = callers
        self.teacher = teacher
        self.annotators = annotators
        self.grader = grader
        self.rolls = rolls
        self.only = only
        self.untried = 0
        self.finished = 0
        """Prompts worked on, in whatever order they finish."""

    def enroll(self, prompt: Prompt) -> None:
        """Let the rolls take note of the next prompt."""
        for roll in self.rolls:
            if roll is not None:
                roll.enroll(prompt)

    def see(self, worked: Worked) -> None:
        """Let the rolls take note of what was written about a prompt, in output order."""
        for annotator, roll in zip(self.annotators, self.rolls, strict=True):
            if roll is not None:
                for annotation in worked.annotations:
                    if annotation.kind == annotator.kind:
                        roll.see(annotation)

    def conclude(self) -> list[Worked]:
        """Return what only the whole run allows: one for each annotator that sums up."""
        return [Worked(list(roll.conclude()), of_prompt=False) for roll in self.rolls if roll is not None]

    def recalled(self, prompt: Prompt) -> Worked | None:
        """Work on a prompt at once, where the ledger holds all that is asked about it; None where it does not.

        A run that goes on spends most of its time on such prompts, and a task for each costs more than the ledger.
        After a miss the next prompts are not tried: where one is missing, others are.
        """
        if self.untried > 0:
            self.untried -= 1
            return None
        lookups: dict[int, Lookup] = {}
        work = self.work_on(prompt, lookups)
        try:
            work.send(None)
        except StopIteration as done:
            for lookup in lookups.values():
                lookup.count()
            return cast("Worked", done.value)
        except Missing:
            pass
        else:
            work.close()  # it waits for something
        self.untried = UNTRIED
        return None

    async def work_on(self, prompt: Prompt, lookups: dict[int, Lookup] | None = None) -> Worked:
        """Let every annotator work on one prompt; with `lookups`, from the ledger alone, or raise `Missing`."""
        worked = Worked()
        asking = self.asking(prompt, worked.annotations, lookups, self.teacher)
        for annotator, roll in zip(self.annotators, self.rolls, strict=True):
            try:
                found = await annotator.annotate(asking if roll is None else asking._replace(roll=roll))
            except CallFailed as error:
                if error is self.callers.run.stop_reason:
                    raise
                worked.failures.append(Failure(prompt.id, annotator.kind, str(error), error.attempts))
            except (TutelageError, asyncio.CancelledError):
                raise
            except Exception as error:
                error.add_note(f"while {type(annotator).__name__} worked on the prompt {prompt.id!r}")
                raise
            else:
                worked.annotations.extend(found)
        self.finished += 1
        return worked

    def asking(
        self, prompt: Prompt, earlier: list[Annotation], lookups: dict[int, Lookup] | None, backend: TeacherBackend
    ) -> Asking:
        """Return what annotators need to work on a prompt with a backend.

        Nothing in it leads back to it, so that it goes, and the prompt with it, without a search for cycles.
        """
        ask, bundled = self.ways(backend, prompt, lookups)
        return Asking(
            prompt=prompt,
            ask=ask,
            teacher=type(backend).__name__,
            model=backend.model,
            grader=self.grader,
            earlier=earlier,
            through=partial(self.asking, prompt, earlier, lookups),
            bundled=bundled,
        )

    def ways(self, backend: TeacherBackend, prompt: Prompt, lookups: dict[int, Lookup] | None) -> Ways:
        """Return how one request and how several samples are asked about a prompt."""
        caller = self.callers.of(backend)
        if lookups is not None:
            lookup = lookups.get(id(caller)) or lookups.setdefault(id(caller), Lookup(caller))
            return lookup.find, lookup.find_samples
        if self.only is None or prompt.id in self.only:
            return caller.ask, caller.ask_samples
        return caller.recall, caller.recall_samples
