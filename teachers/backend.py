"""What every teacher is: it turns one request into one completion. Retry, pacing and cost are a shell around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from teachers.batch_api import BatchAPI
from teachers.calls.pricing import Price
from teachers.exchange import JSON, Completion, FinishReason, Request, Sampling, TokenLogprob
from teachers.rate_news import RateNews

__all__ = [
    "JSON",
    "Completion",
    "Fatal",
    "FinishReason",
    "RateLimited",
    "Request",
    "Sampling",
    "TeacherBackend",
    "TokenLogprob",
    "Transient",
    "Verdict",
]


@dataclass(frozen=True, slots=True)
class Fatal:
    """The error stays however often the request is sent."""

    everywhere: bool = False
    """Whether every other request would meet it too (wrong key, unknown model, quota used up): the run stops."""
    maybe_billed: bool = False
    """Whether the provider may have charged all the same (a reply that leaves out what was asked for)."""


@dataclass(frozen=True, slots=True)
class Transient:
    """The error may heal by itself: try again later."""

    maybe_billed: bool = False
    """Whether the provider may have charged for the lost reply (the connection broke after sending)."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The provider asks to slow down: all callers wait."""

    wait_seconds: float | None = None
    """How long, as the provider says; None when it does not say."""


Verdict = Fatal | Transient | RateLimited


class TeacherBackend(ABC):
    """Speaks to one model. Constructors store, `prepare` checks, `send` connects."""

    gives: frozenset[str] = frozenset({"text"})
    """What it can give: "text", "seed" (honours seeds), "schema" (holds to JSON schemas), "logprobs" (of what it
    writes), "score" (log-probabilities of a given continuation)."""
    samples_per_call: int = 1
    """The most samples of one question that one call can draw (`send_samples`)."""
    heard: Callable[[RateNews], None] | None = None
    """Called with what a reply's headers say about rate limits; set by whoever paces the calls."""

    @property
    @abstractmethod
    def identity(self) -> JSON:
        """Provider, endpoint and model, and whatever else changes the answers: part of every request key."""

    @abstractmethod
    async def send(self, request: Request) -> JSON:
        """Return the raw reply as JSON values. Errors of the provider's library propagate to `classify`."""

    @abstractmethod
    def read(self, raw: JSON) -> Completion:
        """Read a raw reply. Pure: no clock, no network."""

    async def send_samples(self, requests: Sequence[Request]) -> list[JSON]:
        """Return the raw replies to requests that differ only in their sample number, drawn by one call.

        Each is a whole reply by itself, under its own key. What the call shares (the tokens read) is counted in the
        first, so that the usage of all adds up to the bill. Called with 2 to `samples_per_call` requests.
        """
        return [await self.send(request) for request in requests]

    @property
    def batch_api(self) -> BatchAPI | None:
        """The provider's interface for batches; None when it has none."""
        return None

    @property
    def model(self) -> str:
        """The model asked, as shown in provenance."""
        return str(self.identity["model"])

    @property
    def price(self) -> Price | None:
        """Dollars per token; None when not known. Free unless a backend says otherwise."""
        return Price.free()

    def price_of(self, completion: Completion) -> Price | None:
        """Dollars per token of this very completion: what is settled, where `price` is what is reserved."""
        return self.price

    def prepare(self) -> None:
        """Check what can be checked before the first call: keys, packages, files.

        Raises:
            MissingSecret: The environment variable that should hold the key is unset.
            MissingDependency: The library it speaks through is not installed.
        """
        return

    def classify(self, error: Exception) -> Verdict:
        """Say whether an error of `send` can heal. The default: never."""
        return Fatal()

    def redact(self, text: str) -> str:
        """Remove secrets from a text that will be stored or shown."""
        return text

    def stop(self, reason: Exception) -> None:
        """Let nobody wait inside `send` any more: the run stops. Those who wait raise the reason; nothing is sent."""
        return

    async def aclose(self) -> None:
        """Release connections and memory. It may be used again afterwards."""
        return
