"""Teachers that run on this machine: any causal language model, from the hub, a folder or a GGUF file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from lessons.errors import ConfigError, MissingDependency
from lessons.model_files import resolve
from lessons.published_quantisation import read_config
from lessons.transformers_models import folder_fingerprint
from teachers.backend import JSON, Completion, FinishReason, Request, TeacherBackend, TokenLogprob
from teachers.local.generation_stats import GenerationStats
from teachers.local.local_worker import LocalWorker
from teachers.local.weights_read import teacher_reading

if TYPE_CHECKING:
    from teachers.local.batched_generation import LocalModel

__all__ = ["TransformersBackend"]


class TransformersBackend(TeacherBackend):
    """Writes and scores with transformers, in batches of similar length collected from the requests that wait.

    Every row is drawn with random numbers of its own, seeded by the request, so a completion does not depend on which
    others shared its batch (but for rounding in the model itself). The samples of one question share its reading.
    When memory runs out, a batch is done again in halves, and later ones stay that small. Log-probabilities are those
    at temperature 1. Of the model's own generation settings only the end tokens count: at temperature 0 the likeliest
    token is taken, without penalties. Weights published in bitsandbytes' formats run as they are, those in FP8 or MXFP4
    as ordinary numbers; those that are quantised otherwise are refused.

    Args:
        model: A folder, a GGUF file (also "package:PACKAGE/FILE.gguf"), or a name on the hub. A student's folder is a
            teacher too. A GGUF file is converted once, into $TUTELAGE_CACHE or ~/.cache/tutelage.
        batch_size: Most rows generated together. `Limits.in_flight` should be several times this.
        gather_seconds: How long to wait for a batch to fill up.
        dtype: Number format of the weights; "auto" takes bfloat16 on a GPU and float32 elsewhere.
        device: Where to run; "auto" takes a GPU if there is one.
        revision: Branch, tag or commit on the hub.
        threads: Processor threads; None leaves torch's own choice.
    """

    gives = frozenset({"text", "seed", "logprobs", "score"})

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
        self.samples_per_call = batch_size
        self.worker = LocalWorker(lambda: self.local, batch_size, gather_seconds)

    @property
    def stats(self) -> GenerationStats:
        """What it did so far."""
        return self.worker.stats

    @cached_property
    def identity(self) -> JSON:
        """The model's name and what changes its answers: for a folder also its content, for it may be written anew."""
        place = Path(self.name).expanduser()
        found = {
            "revision": self.revision,
            "dtype": None if self.dtype == "auto" else self.dtype,
            "weights": folder_fingerprint(place)[:32] if place.is_dir() else None,
        }
        return {
            "provider": "transformers",
            "endpoint": "",
            "model": self.name,
            **{name: value for name, value in found.items() if value},
        }

    @cached_property
    def local(self) -> LocalModel:
        """The model, loaded on first use."""
        from teachers.local.batched_generation import LocalModel

        return LocalModel.load(self.name, self.revision, self.dtype, self.device, self.threads)

    def prepare(self) -> None:
        """Find the model; nothing is loaded yet.

        Raises:
            ModelNotFound: It is neither on disk nor to be had from the hub.
            MissingDependency: torch or transformers is not installed.
            ConfigError: The batch size is not positive, or the weights are quantised in a way that is not read.
        """
        if self.batch_size < 1:
            raise ConfigError(f"batch_size must be 1 or more, got {self.batch_size}. Correct the setting.")
        missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
        if missing:
            raise MissingDependency(
                f"TransformersBackend needs {' and '.join(missing)}. Install them: pip install 'tutelage[train]'"
            )
        files = resolve(self.name, self.revision)
        if files.kind == "folder":
            teacher_reading(read_config(Path(files.path)), self.name)

    async def send(self, request: Request) -> JSON:
        """Queue a request and wait for its completion."""
        (future,) = self.worker.submit([request])
        return await asyncio.wrap_future(future)

    async def send_samples(self, requests: Sequence[Request]) -> list[JSON]:
        """Queue the samples of one question together: it is read once for all of them."""
        return list(await asyncio.gather(*map(asyncio.wrap_future, self.worker.submit(requests))))

    def read(self, raw: JSON) -> Completion:
        """Read a stored completion."""
        noted = raw.get("logprobs")
        return Completion(
            text=raw["text"],
            finish_reason=cast("FinishReason", raw["finish_reason"]),
            input_tokens=raw["input_tokens"],
            output_tokens=raw["output_tokens"],
            model=self.name,
            logprobs=None if noted is None else tuple(map(token_logprob, noted)),
        )

    async def aclose(self) -> None:
        """Answer what waits and end the worker; the model stays loaded."""
        await asyncio.to_thread(self.worker.close)


def token_logprob(noted: list[Any]) -> TokenLogprob:
    """Read a token as it is stored: [token, log-probability, [[token, log-probability], ...]]."""
    token, logprob, top = noted
    return TokenLogprob(token, logprob, tuple((other, value) for other, value in top))
