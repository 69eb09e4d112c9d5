"""What every teacher is: it turns one request into one completion. Retry, pacing and cost are a shell around it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lessons.records import Message
from teachers.batch_api import BatchAPI
from teachers.calls.pricing import Price
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

JSON = dict[str, Any]
FinishReason = Literal["stop", "length", "refusal"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is drawn."""

    temperature: float | None = 0.0
    """0: the likeliest text. None: not sent, the provider's own default (some reasoning models refuse any other)."""
    top_p: float = 1.0
    """Share of the probability mass to draw from, in (0, 1]."""
    max_output_tokens: int = 1024
    """Upper bound on the tokens written, hidden reasoning included."""
    seed: int | None = None
    """Seed of the first sample; sample k is drawn with seed + k. None: the provider's own choice."""
    stop: tuple[str, ...] = ()
    """Texts that end the completion."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a teacher. Everything but `metadata` goes into the request key."""

    messages: tuple[Message, ...]
    """The conversation, ending with the user's turn."""
    sampling: Sampling = field(default_factory=Sampling)
    """How to draw the completion."""
    sample: int = 0
    """0-based number of the draw: the same question with another number is another call."""
    schema: Mapping[str, Any] | None = None
    """JSON schema the completion should follow; None for free text. A teacher that cannot hold to a schema leaves it
    out: the messages say the form in words, too, and the parser checks."""
    top_logprobs: int = 0
    """So many of the likeliest tokens are reported with their log-probabilities at each position; 0 for none."""
    continuation: str | None = None
    """A text to score in place of writing one: the reply holds its tokens' log-probabilities ("score")."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Not part of the key and not sent: "prompt" (the `Prompt`) and "kind", for teachers that are programs."""

    @property
    def seed(self) -> int | None:
        """The seed of this very draw; None when the provider chooses."""
        return None if self.sampling.seed is None else self.sampling.seed + self.sample


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of a completion and how likely it was."""

    token: str
    """The token's text."""
    logprob: float
    """Natural logarithm of its probability."""
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest tokens at this position with their log-probabilities, likeliest first."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a teacher wrote, read from its raw reply."""

    text: str
    """The answer, without hidden reasoning."""
    finish_reason: FinishReason
    """How it ended: by itself, at the token limit, or refused."""
    input_tokens: int | None
    """Tokens read, cached ones included; None when not reported."""
    output_tokens: int | None
    """Tokens written, hidden reasoning included; None when not reported."""
    model: str
    """The model that answered, as it names itself."""
    cached_input_tokens: int = 0
    """Those of the tokens read that came from the provider's cache."""
    cache_write_tokens: int = 0
    """Those of the tokens read that were written to the provider's cache."""
    reasoning: str | None = None
    """The reasoning that the provider keeps apart from the answer."""
    reasoning_tokens: int = 0
    """Those of the tokens written that are hidden reasoning, as far as reported."""
    logprobs: tuple[TokenLogprob, ...] | None = None
    """The tokens of `text` with their log-probabilities; None when none were asked for."""
    answered_by: str | None = None
    """Who answered, where one teacher speaks for several: a pool's member, a recording's model; None otherwise."""


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
