"""What is asked of a teacher, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from lessons.records import Message

__all__ = ["JSON", "Completion", "FinishReason", "Request", "Sampling", "TokenLogprob"]

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


class Completion(NamedTuple):
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
