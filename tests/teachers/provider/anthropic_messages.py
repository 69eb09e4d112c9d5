"""Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from provider.conversation import Conversation, Writing, text_of

__all__ = ["conversation", "problem", "reply"]

FINISH = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}


def problem(body: dict[str, Any]) -> str | None:
    """Say why the provider would answer 400; None if it would not."""
    messages = body.get("messages")
    if not body.get("model") or not isinstance(messages, list) or not messages:
        return "messages: Field required"
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        return "max_tokens: Field required"
    if any(message.get("role") not in ("user", "assistant") for message in messages):
        return "messages: Unexpected role. The Messages API accepts a top-level `system` parameter."
    for name in ("seed", "n", "logprobs", "response_format", "stop"):
        if name in body:
            return f"{name}: Extra inputs are not permitted"
    if not 0 <= body.get("temperature", 1) <= 1:
        return "temperature: range: 0..1"
    return thinking_problem(body) or cache_problem(body)


def thinking_problem(body: dict[str, Any]) -> str | None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") not in ("enabled", "adaptive"):
        return None
    if thinking["type"] == "enabled":
        if thinking.get("budget_tokens", 0) < 1_024:
            return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        if thinking["budget_tokens"] >= body["max_tokens"]:
            return "`max_tokens` must be greater than `thinking.budget_tokens`."
    if body.get("temperature", 1) != 1:
        return "`temperature` may only be set to 1 when thinking is enabled."
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        return "Thinking may not be enabled when tool_choice forces tool use."
    return None


def cache_problem(body: dict[str, Any]) -> str | None:
    marks = sum("cache_control" in block for block in blocks(body))
    return "A maximum of 4 blocks with cache_control may be provided." if marks > 4 else None


def blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all blocks in the order of the prefix: tools, system, messages."""
    found = list(body.get("tools") or [])
    for content in (body.get("system"), *(message["content"] for message in body["messages"])):
        if isinstance(content, str):
            found.append({"type": "text", "text": content})
        else:
            found.extend(content or [])
    return found


def conversation(body: dict[str, Any]) -> Conversation:
    """Read a request. A block with cache_control, and all before it, may be cached."""
    parts = blocks(body)
    marked = max((k + 1 for k, block in enumerate(parts) if "cache_control" in block), default=0)
    texts = [block.get("text") or json.dumps(block.get("input_schema") or "") for block in parts]
    last = text_of(body["messages"][-1]["content"])
    if texts[-1] != last:  # a question in several blocks
        texts.append(last)
    thinking = body.get("thinking") or {}
    return Conversation(
        model=body["model"],
        texts=tuple(texts),
        most_tokens=body["max_tokens"],
        schema=forced_schema(body),
        thinking_tokens=30 if thinking.get("type") in ("enabled", "adaptive") else 0,
        cached_texts=marked,
        variant=(body.get("temperature"),),
    )


def forced_schema(body: dict[str, Any]) -> dict[str, Any] | None:
    form = (body.get("output_config") or {}).get("format")
    if form is not None:
        return dict(form["schema"])
    name = (body.get("tool_choice") or {}).get("name")
    return next((tool["input_schema"] for tool in body.get("tools") or [] if tool["name"] == name), None)


def reply(
    body: dict[str, Any], writings: Sequence[Writing], fresh: int, cached: int, cache_written: int, number: int
) -> dict[str, Any]:
    """Return the body of a message."""
    writing = writings[0]
    content: list[dict[str, Any]] = []
    if writing.thinking:
        content.append({"type": "thinking", "thinking": writing.thinking, "signature": "c2lnbmVk"})
    content.append(answer_block(body, writing, number))
    used_tool = content[-1]["type"] == "tool_use" and writing.finish == "stop"
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if used_tool else FINISH[writing.finish],
        "stop_sequence": None,
        "usage": {
            "input_tokens": fresh,
            "cache_creation_input_tokens": cache_written,
            "cache_read_input_tokens": cached,
            "cache_creation": {"ephemeral_5m_input_tokens": cache_written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": writing.output_tokens,
            "service_tier": "standard",
        },
    }


def answer_block(body: dict[str, Any], writing: Writing, number: int) -> dict[str, Any]:
    """Return the answer: text, or the input of the tool that had to be used."""
    name = (body.get("tool_choice") or {}).get("name")
    if name is None or writing.finish == "refusal":
        return {"type": "text", "text": writing.text}
    try:
        given = json.loads(writing.text)
    except ValueError:  # cut off, or the model wrote no JSON: the SDK's users see what could be read
        given = {"reasoning": writing.text}
    return {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": given}
