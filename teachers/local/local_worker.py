"""The thread in which a local model works: it collects requests, answers them in batches, and minds the memory."""

from __future__ import annotations

import gc
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from lessons.errors import CallFailed
from teachers.exchange import JSON, Request
from teachers.local.generation_stats import GenerationStats
from teachers.local.request_batches import Group, Row, choose

if TYPE_CHECKING:
    from teachers.local.batched_generation import LocalModel

__all__ = ["LocalWorker"]

log = logging.getLogger(__name__)

Arrived = tuple[Sequence[Request], list["Future[JSON]"]]


class LocalWorker:
    """Answers requests with a local model, in a thread of its own that runs while it is open.

    Args:
        load: Returns the model, loading it at the first call.
        batch_size: Most rows generated together.
        gather_seconds: How long to wait for a batch to fill up.
    """

    def __init__(self, load: Callable[[], LocalModel], batch_size: int, gather_seconds: float) -> None:
        self.load = load
        self.gather_seconds = gather_seconds
        self.most_rows = batch_size
        """Most rows that memory had room for so far."""
        self.stats = GenerationStats()
        self.arriving: queue.SimpleQueue[Arrived | None] = queue.SimpleQueue()
        self.thread: threading.Thread | None = None

    def submit(self, requests: Sequence[Request]) -> list[Future[JSON]]:
        """Queue the samples of one question, or a single request; a future each."""
        if self.thread is None:
            self.thread = threading.Thread(target=self.work, name="local-teacher", daemon=True)
            self.thread.start()
        futures: list[Future[JSON]] = [Future() for _ in requests]
        self.arriving.put((requests, futures))
        return futures

    def close(self) -> None:
        """Answer what waits and end the thread. It may be used again afterwards."""
        thread, self.thread = self.thread, None
        if thread is not None:
            self.arriving.put(None)
            thread.join()

    def work(self) -> None:
        """Answer batch after batch."""
        waiting: list[Group] = []
        going_on = True
        while going_on or waiting:
            going_on = going_on and self.gather(waiting)
            if waiting:
                batch = choose(waiting, self.most_rows)
                waiting = [group for group in waiting if group not in batch]
                rows = [row for group in batch for row in group.rows]
                self.answer([row for row in rows if row.future.set_running_or_notify_cancel()])

    def gather(self, waiting: list[Group]) -> bool:
        """Take in all that arrived, waiting a little while that is less than a batch; False once the end is asked."""
        while True:
            full = sum(len(group.rows) for group in waiting) >= self.most_rows
            wait_seconds = None if not waiting else 0.0 if full else self.gather_seconds
            try:
                arrived = self.arriving.get(timeout=wait_seconds)
            except queue.Empty:
                return True
            if arrived is None:
                return False
            requests, futures = arrived
            try:
                waiting.append(self.load().group(requests, futures))
            except Exception as error:  # these only: the others are answered
                for future in futures:
                    future.set_exception(error)

    def answer(self, rows: Sequence[Row]) -> None:
        """Answer rows; when memory runs out, in halves, and from then on never more at once."""
        while rows:
            size = even_size(len(rows), self.most_rows)
            error = self.attempt(rows[:size])
            if error is not None and size > 1 and out_of_memory(error):
                self.shrink(size, error)
                continue
            if error is not None:
                self.fail(rows[:size], error)
            rows = rows[size:]

    def attempt(self, rows: Sequence[Row]) -> Exception | None:
        """Answer rows in one batch; return what went wrong."""
        try:
            raws = self.load().complete(rows, self.stats)
        except Exception as error:
            return error
        for row, raw in zip(rows, raws, strict=True):
            row.future.set_result(raw)
        return None

    def shrink(self, size: int, error: Exception) -> None:
        """Halve the batches after one of this size found no room, and give back what it took up."""
        self.most_rows = size // 2
        log.warning(
            "Memory ran out with %d rows at once; going on with at most %d. Set batch_size: %d to begin with that.",
            size, self.most_rows, self.most_rows,
        )  # fmt: skip
        error.__traceback__ = None  # its frames hold the batch's tensors
        release_memory()

    def fail(self, rows: Sequence[Row], error: Exception) -> None:
        """Hand an error to those who wait for these rows."""
        if out_of_memory(error):
            first = rows[0]
            error = CallFailed(
                f"Memory ran out with a single row ({len(first.prompt) + len(first.continuation or ())} tokens read, "
                f"at most {first.request.sampling.max_output_tokens} written): {error} Lower max_output_tokens, take "
                "a smaller model or dtype, or leave the prompt out."
            )
        for row in rows:
            row.future.set_exception(error)


def even_size(count: int, most: int) -> int:
    """Return how many of so many rows to take at once, so that all batches are of about one size.

    >>> even_size(9, 4)
    3
    """
    return -(-count // -(-count // most))


def out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: a GPU's, or the machine's (which torch reports as a plain RuntimeError)."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def release_memory() -> None:
    """Give back what a failed batch took up."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
