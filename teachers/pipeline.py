"""Runs annotators over a stream of prompts: many at once, results in prompt order, memory bounded by a window."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lessons.errors import Stopped
from lessons.grading import Grader
from lessons.records import Prompt
from teachers.annotators.base import Annotator
from teachers.backend import TeacherBackend
from teachers.batches.batching import Batches
from teachers.calls.budget import Budget
from teachers.calls.caller import Counts
from teachers.calls.callers import Callers
from teachers.calls.limits import Limits
from teachers.ledger.ledger import Ledger
from teachers.working import Failure, Worked, Worker

__all__ = ["Failure", "Pipeline", "Worked", "backends_of"]

HANDFULS_WAITING = 100
HANDFUL = 64
LONGEST_WAIT_SECONDS = 0.1
Window = deque[asyncio.Task[Worked] | Worked]


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
        batches: How batches are used; None to call live.
        only: Ids of the prompts that calls may be made for; None for all.
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
        batches: Batches | None = None,
        only: frozenset[str] | None = None,
    ) -> None:
        self.prompts = prompts
        self.teacher = teacher
        self.annotators = annotators
        self.grader = grader
        self.ledger_path = ledger
        self.limits = limits
        self.budget = budget
        self.batches = batches
        self.only = only
        self.worker: Worker | None = None
        self.window = 4 * limits.in_flight + 256 if batches is None else batches.prompts_at_once
        self.left_behind = ""
        """What is left at the providers when the run ends."""
        self.callers: Callers | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.main_task: asyncio.Task[None] | None = None
        self.stop_reason: Exception | None = None
        self.results: queue.SimpleQueue[list[Worked] | Ended] = queue.SimpleQueue()
        self.handful: list[Worked] = []
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

    @property
    def counts(self) -> Counts:
        """What was asked so far, of all teachers together."""
        return self.callers.counts if self.callers is not None else Counts()

    @property
    def finished(self) -> int:
        """Prompts worked on so far, those included that still wait for earlier ones to be handed over."""
        return self.worker.finished if self.worker is not None else 0

    def stop(self, reason: Exception) -> None:
        """Start no more calls; those under way finish and are saved."""
        self.stop_reason = self.stop_reason or reason
        loop, callers = self.loop, self.callers
        if loop is not None and callers is not None:
            try:
                loop.call_soon_threadsafe(callers.stop, reason)
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
            self.callers = callers = Callers(ledger, self.limits, self.budget, self.batches)
            if self.stop_reason is not None:
                callers.stop(self.stop_reason)
            rolls = [annotator.roll() for annotator in self.annotators]
            try:
                self.worker = Worker(callers, self.teacher, self.annotators, self.grader, rolls, self.only)
                await self.feed(self.worker)
            except asyncio.CancelledError:
                callers.cancel()
                raise
            finally:
                self.left_behind = callers.under_way()
                await callers.close()
                for backend in backends_of(self.teacher, self.annotators):
                    await backend.aclose()

    async def feed(self, worker: Worker) -> None:
        """Keep the window full; hand results over in order."""
        run = worker.callers.run
        window: Window = deque()
        try:
            for prompt in self.prompts:
                run.check_running()
                worker.enroll(prompt)
                window.append(worker.recalled(prompt) or asyncio.create_task(worker.work_on(prompt)))
                while window and isinstance(window[0], Worked):
                    await self.take_head(window, worker)
                if len(window) >= self.window:
                    await self.take_head(window, worker)
                while self.results.qsize() > HANDFULS_WAITING:
                    await run.sleep(0.01)  # raises when the run stops: then nobody may be left who takes the results
            while window:
                await self.take_head(window, worker)
            self.results.put(self.handful + worker.conclude())
        except Exception as error:
            run.stop(error)
            await asyncio.gather(*tasks_of(window), return_exceptions=True)  # calls under way finish and are saved
            raise run.stop_reason or error from None
        except asyncio.CancelledError:
            for task in tasks_of(window):
                task.cancel()
            await asyncio.gather(*tasks_of(window), return_exceptions=True)
            raise

    async def take_head(self, window: Window, worker: Worker) -> None:
        """Wait for the oldest prompt; hand finished ones over by the handful, which wakes the writer less often."""
        head = window.popleft()
        worked = head if isinstance(head, Worked) else await head
        worker.see(worked)
        self.handful.append(worked)
        if len(self.handful) >= HANDFUL or time.monotonic() - self.handed_over > LONGEST_WAIT_SECONDS:
            self.results.put(self.handful)
            self.handful, self.handed_over = [], time.monotonic()
            await asyncio.sleep(0)  # where everything is in the ledger, nothing else lets the loop see a stop


def tasks_of(window: Window) -> list[asyncio.Task[Worked]]:
    """Return the prompts of a window that are still being worked on."""
    return [task for task in window if not isinstance(task, Worked)]


def backends_of(teacher: TeacherBackend, annotators: Sequence[Annotator]) -> list[TeacherBackend]:
    """Return every backend of a run once, the run's teacher first."""
    found = {id(teacher): teacher}
    for annotator in annotators:
        found.update((id(backend), backend) for backend in annotator.backends)
    return list(found.values())
