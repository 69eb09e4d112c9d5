"""Where answers are written and charged, for live calls and for batches alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from provider import anthropic_messages, openai_chat, openai_responses
from provider.answers import Answer, arithmetic
from provider.bill import Bill, Charge
from provider.conversation import Conversation, write
from provider.faults import LOST_AFTER_BILLING

__all__ = ["FORMATS", "Desk", "Usage"]


class Usage(NamedTuple):
    """How the tokens read are charged."""

    fresh: int
    cached: int
    cache_written: int

    @property
    def read(self) -> int:
        return sum(self)


class Format(NamedTuple):
    """One wire format of live calls."""

    problem: Callable[[dict[str, Any]], str | None]
    conversation: Callable[[dict[str, Any]], Conversation]
    reply: Callable[..., dict[str, Any]]
    marks_cache: bool
    """Whether the client marks what is to be cached, and writing it is charged apart."""


FORMATS = {
    "/v1/chat/completions": Format(openai_chat.problem, openai_chat.conversation, openai_chat.reply, False),
    "/v1/responses": Format(openai_responses.problem, openai_responses.conversation, openai_responses.reply, False),
    "/v1/messages": Format(anthropic_messages.problem, anthropic_messages.conversation, anthropic_messages.reply, True),
}


@dataclass
class Desk:
    """The model and its cashier."""

    answer: Answer = arithmetic
    bill: Bill = field(default_factory=Bill)
    smallest_cached: int = 1_024
    """Prefixes shorter than so many tokens are not cached."""
    prefixes: set[int] = field(default_factory=set)

    def work(self, path: str, body: dict[str, Any], fault: str | None, batch: str | None = None) -> dict[str, Any]:
        """Write the answers of one call, charge for them, and return the body of the reply."""
        form = FORMATS[path]
        conversation = form.conversation(body)
        writings = write(conversation, self.answer, fault)
        usage = self.read(conversation, form.marks_cache)
        written = sum(writing.output_tokens for writing in writings)
        dollars = self.bill.prices.dollars(*usage, written, batch is not None)
        lost = fault in LOST_AFTER_BILLING
        key = call_key(path, conversation)
        self.bill.charges.append(Charge(key, conversation.question, dollars, usage.read, written, batch, lost))
        number = len(self.bill.charges)
        if form.marks_cache:
            return form.reply(body, writings, *usage, number)
        return form.reply(body, writings, usage.read, usage.cached, number)

    def read(self, conversation: Conversation, marked: bool) -> Usage:
        """Read the texts; a prefix that was read before comes from the cache."""
        whole, prefix = conversation.input_tokens, conversation.cacheable_tokens
        if prefix < self.smallest_cached or not conversation.cached_texts:
            return Usage(whole, 0, 0)
        mark = hash((conversation.model, conversation.texts[: conversation.cached_texts]))
        if mark in self.prefixes:
            return Usage(whole - prefix, prefix, 0)
        self.prefixes.add(mark)
        return Usage(whole - prefix, 0, prefix) if marked else Usage(whole, 0, 0)


def call_key(path: str, conversation: Conversation) -> str:
    """Return a digest of everything that decides a reply; the same live and in a batch."""
    parts: Sequence[object] = (path, conversation.model, conversation.texts, conversation.variant, conversation.draws)
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
