"""What a call asks for, whatever its wire format, and what the model writes in reply."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from provider.answers import Answer, broken_json, follow_schema, number_from

__all__ = ["Conversation", "Writing", "count_tokens", "text_of", "tokens_of", "write"]

TOKENS_PER_MESSAGE = 4


@dataclass(frozen=True, slots=True)
class Conversation:
    """One call, read from its wire format."""

    model: str
    texts: tuple[str, ...]
    """The texts of all messages, the system's first, the user's last question last."""
    draws: tuple[int, ...] = (0,)
    """The numbers of the draws: as many answers are written."""
    most_tokens: int = 1_024
    schema: Mapping[str, Any] | None = None
    thinking_tokens: int = 0
    """So many tokens are thought before the answer."""
    cached_texts: int = 0
    """So many of the first texts may be kept in the provider's cache."""
    variant: tuple[object, ...] = ()
    """Whatever else tells two calls apart: seed and temperature as sent."""

    @property
    def question(self) -> str:
        return self.texts[-1]

    @property
    def input_tokens(self) -> int:
        written_out = count_tokens(str(dict(self.schema))) if self.schema is not None else 0
        return sum(map(count_tokens, self.texts)) + TOKENS_PER_MESSAGE * len(self.texts) + written_out

    @property
    def cacheable_tokens(self) -> int:
        first = self.texts[: self.cached_texts]
        return sum(map(count_tokens, first)) + TOKENS_PER_MESSAGE * len(first)


@dataclass(frozen=True, slots=True)
class Writing:
    """One answer."""

    text: str
    finish: Literal["stop", "length", "refusal"]
    thinking: str = ""
    tokens: tuple[str, ...] = field(default=())
    """The pieces of `text`."""

    @property
    def thinking_tokens(self) -> int:
        return count_tokens(self.thinking)

    @property
    def output_tokens(self) -> int:
        return len(self.tokens) + self.thinking_tokens

    def logprob(self, position: int) -> float:
        return -0.01 - 0.5 * number_from("token", position, self.tokens[position])

    def top(self, position: int, count: int) -> list[tuple[str, float]]:
        """Return the likeliest tokens at a position, the one written first."""
        written = (self.tokens[position], self.logprob(position))
        others = [(f" alternative{rank}", written[1] - 1.0 - rank) for rank in range(1, count)]
        return [written, *others][:count]


def write(conversation: Conversation, answer: Answer, fault: str | None = None) -> list[Writing]:
    """Write all answers of a conversation."""
    return [write_one(conversation, answer, draw, fault) for draw in conversation.draws]


def write_one(conversation: Conversation, answer: Answer, draw: int, fault: str | None) -> Writing:
    thinking = " ".join(["hm"] * min(conversation.thinking_tokens, conversation.most_tokens))
    text = answer(conversation.question, draw)
    if fault == "refusal":
        sorry = "I cannot help with that."
        return Writing(sorry, "refusal", thinking, tokens_of(sorry))
    if fault == "wrong json":
        text = broken_json(text)
    elif conversation.schema is not None:
        text = follow_schema(conversation.schema, text)
    tokens = tokens_of(text)
    room = max(0, conversation.most_tokens - count_tokens(thinking))
    if fault == "length":
        room = min(room, max(1, len(tokens) // 2))
    if len(tokens) > room:
        return Writing("".join(tokens[:room]), "length", thinking, tokens[:room])
    return Writing(text, "stop", thinking, tokens)


def tokens_of(text: str) -> tuple[str, ...]:
    """Cut a text into words with the space that follows them; together they are the text."""
    return tuple(re.findall(r"\s*\S+\s*?(?=\s|$)|\s+$", text))


def count_tokens(text: str) -> int:
    return len(text.split())


def text_of(content: str | Sequence[Mapping[str, Any]] | None) -> str:
    """Return the text of a message's content, given as text or as blocks."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(block.get("text", "") for block in content)
