"""Runs annotators over a stream of prompts: many at once, results in prompt order, memory bounded by a window."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lessons.errors import CallFailed, Stopped, TutelageError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking
from teachers.annotators.roll import Roll
from teachers.backend import TeacherBackend
from teachers.budget import Budget
from teachers.caller import Caller, Counts
from teachers.ledger import Ledger
from teachers.limits import Limits

__all__ = ["Failure", "Pipeline", "Worked"]

HANDFULS_WAITING = 100
HANDFUL = 64
LONGEST_WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of annotation that could not be had for one prompt."""

    prompt_id: str
    """The prompt."""
    kind: str
    """The kind of annotation."""
    reason: str
    """The error."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of one prompt."""

    annotations: list[Annotation] = field(default_factory=list)
    """All annotations, in the order of the annotators."""
    failures: list[Failure] = field(default_factory=list)
    """What could not be had."""
    of_prompt: bool = True
    """Whether it is of one prompt; False for what only the whole run allows (`Roll.conclude`)."""


def concluded(rolls: Sequence[Roll | None]) -> list[Worked]:
    """Return what only the whole run allows: one for each annotator that sums up."""
    return [Worked(list(roll.conclude()), of_prompt=False) for roll in rolls if roll is not None]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last thing a pipeline hands over."""

    error: BaseException | None
    """Why it ended early; None when it did not."""


class Pipeline:
    """An event loop in a thread of its own, so that it works in notebooks and Ctrl-C never tears a call apart.

    Use it in a `with` block: leaving it early lets the calls under way finish and saves them.

    Args:
        prompts: The prompts, read as they are needed.
        teacher: The teacher, prepared.
        annotators: What to ask for, in this order for every prompt.
        grader: Marks answers.
        ledger: The ledger's path.
        limits: How hard the teacher may be worked.
        budget: What this run may take.
    """

    def __init__(
        self,
        prompts: Iterable[Prompt],
        teacher: TeacherBackend,
        annotators: Sequence[Annotator],
        grader: Grader | None,
        ledger: Path,
        limits: Limits,
        budget: Budget,
    ) -> None:
        self.prompts = prompts
        self.teacher = teacher
        self.annotators = annotators
        self.grader = grader
        self.ledger_path = ledger
        self.limits = limits
        self.budget = budget
        self.rolls = [annotator.roll() for annotator in annotators]
        self.window = 4 * limits.in_flight + 256
        self.counts = Counts()
        self.caller: Caller | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.main_task: asyncio.Task[None] | None = None
        self.stop_reason: Exception | None = None
        self.results: queue.SimpleQueue[list[Worked] | Ended] = queue.SimpleQueue()
        self.finished: list[Worked] = []
        self.handed_over = 0.0
        self.thread = threading.Thread(target=self.run, name="teacher-calls", daemon=True)

    def __enter__(self) -> Pipeline:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if self.thread.is_alive():
            self.stop(Stopped("The run was stopped."))
        try:
            self.thread.join()
        except KeyboardInterrupt:  # the second one: do not wait for the calls under way
            self.cancel()
            self.thread.join()
            raise

    def __iter__(self) -> Iterator[Worked]:
        """Yield what came of each prompt, in order. Raises what ended the run early."""
        while not isinstance(result := self.results.get(), Ended):
            yield from result
        if result.error is not None:
            raise result.error

    def stop(self, reason: Exception) -> None:
        """Start no more calls; those under way finish and are saved."""
        self.stop_reason = self.stop_reason or reason
        loop, caller = self.loop, self.caller
        if loop is not None and caller is not None:
            try:
                loop.call_soon_threadsafe(caller.stop, reason)
            except RuntimeError:  # the loop ended in this very moment
                return

    def cancel(self) -> None:
        """Break off the calls under way."""
        loop, task = self.loop, self.main_task
        if loop is not None and task is not None:
            try:
                loop.call_soon_threadsafe(task.cancel)
            except RuntimeError:
                return

    def run(self) -> None:
        """Do the work in the thread and hand over how it ended."""
        try:
            asyncio.run(self.work())
        except asyncio.CancelledError:
            self.results.put(Ended(Stopped("The run was broken off; calls under way were not saved.")))
        except BaseException as error:
            self.results.put(Ended(error))
        else:
            self.results.put(Ended(None))

    async def work(self) -> None:
        """Open the ledger, feed the prompts through, close everything."""
        self.loop, self.main_task = asyncio.get_running_loop(), asyncio.current_task()
        with Ledger(self.ledger_path) as ledger:
            self.caller = caller = Caller(self.teacher, ledger, self.limits, self.budget)
            self.counts = caller.counts
            if self.stop_reason is not None:
                caller.stop(self.stop_reason)
            try:
                await self.feed(caller)
            finally:
                await self.teacher.aclose()

    async def feed(self, caller: Caller) -> None:
        """Keep the window full; hand results over in order."""
        window: deque[asyncio.Task[Worked]] = deque()
        try:
            for prompt in self.prompts:
                caller.check_running()
                for roll in self.rolls:
                    if roll is not None:
                        roll.enroll(prompt)
                window.append(asyncio.create_task(self.work_on(prompt, caller)))
                if len(window) >= self.window:
                    await self.take_head(window)
                while self.results.qsize() > HANDFULS_WAITING:
                    await asyncio.sleep(0.01)
            while window:
                await self.take_head(window)
            self.finished += concluded(self.rolls)
            self.results.put(self.finished)
        except Exception as error:
            caller.stop(error)
            await asyncio.gather(*window, return_exceptions=True)  # calls under way finish and are saved
            raise caller.stop_reason or error from None
        except asyncio.CancelledError:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)
            raise

    async def take_head(self, window: deque[asyncio.Task[Worked]]) -> None:
        """Wait for the oldest prompt; hand finished ones over by the handful, which wakes the writer less often."""
        worked = await window.popleft()
        for annotator, roll in zip(self.annotators, self.rolls, strict=True):
            if roll is not None:
                for annotation in worked.annotations:
                    if annotation.kind == annotator.kind:
                        roll.see(annotation)
        self.finished.append(worked)
        if len(self.finished) >= HANDFUL or time.monotonic() - self.handed_over > LONGEST_WAIT_SECONDS:
            self.results.put(self.finished)
            self.finished, self.handed_over = [], time.monotonic()

    async def work_on(self, prompt: Prompt, caller: Caller) -> Worked:
        """Let every annotator work on one prompt."""
        worked = Worked()
        for annotator, roll in zip(self.annotators, self.rolls, strict=True):
            asking = Asking(
                prompt=prompt,
                ask=caller.ask,
                teacher=type(self.teacher).__name__,
                model=self.teacher.model,
                grader=self.grader,
                earlier=worked.annotations,
                roll=roll,
            )
            try:
                found = await annotator.annotate(asking)
            except CallFailed as error:
                if error is caller.stop_reason:
                    raise
                worked.failures.append(Failure(prompt.id, annotator.kind, str(error)))
            except (TutelageError, asyncio.CancelledError):
                raise
            except Exception as error:
                error.add_note(f"while {type(annotator).__name__} worked on the prompt {prompt.id!r}")
                raise
            else:
                worked.annotations.extend(found)
        return worked
