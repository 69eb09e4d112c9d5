"""Teachers that run on this machine: any causal language model, from the hub, a folder or a GGUF file."""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, cast

from lessons.errors import ConfigError, MissingDependency
from lessons.model_files import resolve
from teachers.backend import JSON, Completion, FinishReason, Request, TeacherBackend
from teachers.generation_stats import GenerationStats
from teachers.request_keys import request_json

if TYPE_CHECKING:
    from teachers.batched_generation import LocalModel

__all__ = ["TransformersBackend"]

Waiting = tuple[Request, "Future[JSON]"]


class TransformersBackend(TeacherBackend):
    """Generates with transformers, in batches collected from the requests that wait.

    Rows are padded on the left. Sampling draws every row with a generator of its own, seeded by the request, so a
    completion does not depend on which others shared its batch (but for rounding in the model itself).

    Args:
        model: A folder, a GGUF file (also "package:PACKAGE/FILE.gguf"), or a name on the hub. A student's folder is a
            teacher too.
        batch_size: Most requests generated together. `Limits.in_flight` should be several times this.
        gather_seconds: How long to wait for a batch to fill up.
        dtype: Number format of the weights; "auto" takes bfloat16 on a GPU and float32 elsewhere.
        device: Where to run; "auto" takes a GPU if there is one.
        revision: Branch, tag or commit on the hub.
        threads: Processor threads; None leaves torch's own choice.
    """

    gives = frozenset({"text", "seed"})

    def __init__(
        self,
        model: str,
        batch_size: int = 16,
        gather_seconds: float = 0.02,
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        device: str = "auto",
        revision: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.name = model
        self.batch_size = batch_size
        self.gather_seconds = gather_seconds
        self.dtype = dtype
        self.device = device
        self.revision = revision
        self.threads = threads
        self.stats = GenerationStats()
        self.waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self.worker: threading.Thread | None = None
        self.closing = False

    @property
    def identity(self) -> JSON:
        """The model's name and what changes its answers; its place on this disk does not."""
        found = {"revision": self.revision, "dtype": None if self.dtype == "auto" else self.dtype}
        return {
            "provider": "transformers",
            "endpoint": "",
            "model": self.name,
            **{name: value for name, value in found.items() if value},
        }

    @cached_property
    def local(self) -> LocalModel:
        """The model, loaded on first use."""
        from teachers.batched_generation import LocalModel

        return LocalModel.load(self.name, self.revision, self.dtype, self.device, self.threads)

    def prepare(self) -> None:
        """Find the model; nothing is loaded yet.

        Raises:
            ModelNotFound: It is neither on disk nor to be had from the hub.
            MissingDependency: torch or transformers is not installed.
            ConfigError: The batch size is not positive.
        """
        if self.batch_size < 1:
            raise ConfigError(f"batch_size must be 1 or more, got {self.batch_size}. Correct the setting.")
        from importlib.util import find_spec

        missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
        if missing:
            raise MissingDependency(
                f"TransformersBackend needs {' and '.join(missing)}. Install them: pip install 'tutelage[train]'"
            )
        resolve(self.name, self.revision)

    async def send(self, request: Request) -> JSON:
        """Queue a request and wait for its completion."""
        if self.worker is None:
            self.worker = threading.Thread(target=self.work, name="local-teacher", daemon=True)
            self.worker.start()
        future: Future[JSON] = Future()
        self.waiting.put((request, future))
        return await asyncio.wrap_future(future)

    def read(self, raw: JSON) -> Completion:
        """Read a stored completion."""
        return Completion(
            text=raw["text"],
            finish_reason=cast("FinishReason", raw["finish_reason"]),
            input_tokens=raw["input_tokens"],
            output_tokens=raw["output_tokens"],
            model=self.name,
        )

    def work(self) -> None:
        """Generate batch after batch, in the worker thread."""
        while True:
            batch = self.next_batch()
            ready = [(request, future) for request, future in batch if future.set_running_or_notify_cancel()]
            if ready:
                self.generate(ready)
            if len(batch) < self.batch_size and self.closing:
                return

    def next_batch(self) -> list[Waiting]:
        """Wait for a request, and a little longer for more."""
        batch: list[Waiting] = []
        while len(batch) < self.batch_size:
            try:
                entry = self.waiting.get(timeout=self.gather_seconds if batch else None)
            except queue.Empty:
                break
            if entry is None:
                self.closing = True
                break
            batch.append(entry)
        return batch

    def generate(self, batch: list[Waiting]) -> None:
        """Generate one batch and hand the completions out."""
        rows: list[tuple[Request, Future[JSON], list[int]]] = []
        for request, future in batch:
            try:
                rows.append((request, future, self.local.prompt_ids(request)))
            except Exception as error:  # this one only: the others of the batch are answered
                future.set_exception(error)
        if not rows:
            return
        requests = [request for request, _, _ in rows]
        try:
            results = self.local.complete(
                requests, [ids for _, _, ids in rows], [row_seed(request) for request in requests], self.stats
            )
        except Exception as error:
            for _, future, _ in rows:
                future.set_exception(error)
        else:
            for (_, future, _), raw in zip(rows, results, strict=True):
                future.set_result(raw)

    async def aclose(self) -> None:
        """End the worker; the model stays loaded."""
        worker, self.worker = self.worker, None
        if worker is not None:
            self.waiting.put(None)
            await asyncio.to_thread(worker.join)
            self.closing = False


def row_seed(request: Request) -> int:
    """Return the seed of one request's draw: its own, mixed with everything it asks."""
    return int.from_bytes(blake2b(request_json(request).encode(), digest_size=7).digest(), "big")
