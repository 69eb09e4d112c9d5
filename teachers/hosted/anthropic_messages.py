"""Anthropic's messages, as written and read: pure functions."""

from __future__ import annotations

import json
from typing import Any

from lessons.errors import ConfigError
from teachers.exchange import JSON, Completion, FinishReason, Request

__all__ = ["PATH", "REQUIRED", "body", "mark_prefix", "read"]

PATH = "/v1/messages"
REQUIRED = "stop_reason"
TOOL = "reply"
LEAST_THINKING = 1_024
ENDED: dict[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # a long turn of a tool that the provider runs was broken off: what is there is a part
    "refusal": "refusal",
}
FOR_A_WHILE = {"type": "ephemeral"}  # five minutes, renewed by each use


def body(request: Request, model: str, sampling_parameters: bool, thinking_tokens: int | None) -> JSON:
    """Return the fields of a request.

    Args:
        request: What is asked.
        model: The model's name.
        sampling_parameters: Whether to send temperature and top_p; never sent with thinking, which refuses them.
        thinking_tokens: The most tokens of thinking before the answer; None for none.

    Raises:
        ConfigError: The thinking leaves no room for an answer.
    """
    sampling = request.sampling
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    fields: dict[str, Any] = {
        "model": model,
        "max_tokens": sampling.max_output_tokens,
        "messages": [
            {"role": message.role, "content": message.content}
            for message in request.messages
            if message.role != "system"
        ],
    }
    if system:
        fields["system"] = system
    if sampling.stop:
        fields["stop_sequences"] = list(sampling.stop)
    if thinking_tokens is not None:
        check_thinking(thinking_tokens, sampling.max_output_tokens)
        fields["thinking"] = {"type": "enabled", "budget_tokens": thinking_tokens}
    elif sampling_parameters:
        if sampling.temperature is not None:
            fields["temperature"] = sampling.temperature
        if sampling.top_p != 1.0:
            fields["top_p"] = sampling.top_p
    return fields


def check_thinking(thinking_tokens: int, max_output_tokens: int) -> None:
    """Refuse a budget of thinking that the provider would refuse.

    Raises:
        ConfigError: It is too small, or leaves no room for an answer.
    """
    if not LEAST_THINKING <= thinking_tokens < max_output_tokens:
        raise ConfigError(
            f"thinking_tokens is {thinking_tokens} with max_output_tokens {max_output_tokens}; it must be at least "
            f"{LEAST_THINKING} and less than max_output_tokens, which counts the thinking too. Raise the annotator's "
            "max_output_tokens, or lower thinking_tokens."
        )


def hold_to_schema(fields: JSON, request: Request) -> None:
    """Ask for a reply that follows the request's schema, through a tool that must be used.

    A model that thinks may not be made to use a tool; it is given the schema as the form of its text.
    """
    if request.schema is None:
        return
    if (fields.get("thinking") or {}).get("type", "disabled") != "disabled":
        form = {"type": "json_schema", "schema": dict(request.schema)}
        fields["output_config"] = {**(fields.get("output_config") or {}), "format": form}
        return
    tool = {"name": TOOL, "description": "Gives the reply.", "input_schema": dict(request.schema)}
    fields["tools"] = [tool]
    fields["tool_choice"] = {"type": "tool", "name": TOOL}


def mark_prefix(fields: JSON) -> None:
    """Mark what many requests begin with, so that the provider keeps it: the system text and the earlier turns."""
    if fields.get("system"):
        fields["system"] = [block(fields["system"])]
    if len(fields["messages"]) > 1 and fields["messages"][-2]["content"]:
        last_earlier = fields["messages"][-2]
        fields["messages"][-2] = {**last_earlier, "content": [block(last_earlier["content"])]}


def block(text: str) -> JSON:
    """Return a text up to which the provider keeps what it read."""
    return {"type": "text", "text": text, "cache_control": FOR_A_WHILE}


def read(raw: JSON, model: str) -> Completion:
    """Read the text blocks, or the input of the tool that had to be used, as JSON text; thinking is kept apart.

    Args:
        raw: The body of a reply.
        model: The model asked, where the reply does not name one.
    """
    blocks, usage = raw.get("content") or [], raw.get("usage") or {}
    cached = usage.get("cache_read_input_tokens") or 0
    written_to_cache = usage.get("cache_creation_input_tokens") or 0
    fresh = usage.get("input_tokens")
    thinking = "".join(part["thinking"] for part in blocks if part["type"] == "thinking")
    return Completion(
        text=text_of(raw, blocks),
        finish_reason=ENDED.get(raw["stop_reason"], "stop"),
        input_tokens=None if fresh is None else fresh + cached + written_to_cache,
        output_tokens=usage.get("output_tokens"),
        model=raw.get("model") or model,
        cached_input_tokens=cached,
        cache_write_tokens=written_to_cache,
        reasoning=thinking or None,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )


def text_of(raw: JSON, blocks: list[JSON]) -> str:
    """Return the answer; a refusal without a word says why, as far as the provider does."""
    for part in blocks:
        if part["type"] == "tool_use" and part.get("name") == TOOL:
            return json.dumps(part["input"], ensure_ascii=False)
    text = "".join(part["text"] for part in blocks if part["type"] == "text")
    return text or (raw.get("stop_details") or {}).get("explanation") or ""
