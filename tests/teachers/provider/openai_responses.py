"""OpenAI's responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provider.conversation import Conversation, Writing, text_of
from provider.openai_chat import REASONING
from provider.openai_wire import schema_problem, token_logprobs

__all__ = ["conversation", "problem", "reply"]

WITH_LOGPROBS = "message.output_text.logprobs"


def problem(body: dict[str, Any]) -> str | None:
    """Say why the provider would answer 400; None if it would not."""
    if not body.get("model") or not body.get("input"):
        return "Missing required parameter: 'model' or 'input'."
    for name in ("messages", "max_tokens", "max_completion_tokens", "n", "seed", "stop", "response_format", "logprobs"):
        if name in body:
            return f"Unknown parameter: '{name}'."
    if (body.get("max_output_tokens") or 16) < 16:
        return "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16."
    if not 0 <= (body.get("top_logprobs") or 0) <= 20:
        return "Invalid 'top_logprobs': expected a value <= 20."
    given = (body.get("text") or {}).get("format") or {}
    return schema_problem(given) if given.get("type") == "json_schema" else None


def conversation(body: dict[str, Any]) -> Conversation:
    """Read a request."""
    given = body["input"]
    texts = [given] if isinstance(given, str) else [text_of(item.get("content")) for item in given]
    if body.get("instructions"):
        texts.insert(0, body["instructions"])
    form = (body.get("text") or {}).get("format") or {}
    return Conversation(
        model=body["model"],
        texts=tuple(texts),
        most_tokens=body.get("max_output_tokens") or 4_096,
        schema=form.get("schema"),
        thinking_tokens=REASONING.get((body.get("reasoning") or {}).get("effort") or "none", 10),
        cached_texts=len(texts) - 1,
        variant=(body.get("temperature"),),
    )


def reply(body: dict[str, Any], writings: Sequence[Writing], read: int, cached: int, number: int) -> dict[str, Any]:
    """Return the body of a response."""
    writing = writings[0]
    incomplete = {"length": "max_output_tokens", "refusal": "content_filter"}.get(writing.finish)
    output: list[dict[str, Any]] = []
    if writing.thinking:
        summary = [{"type": "summary_text", "text": writing.thinking}] if "summary" in body["reasoning"] else []
        output.append({"id": f"rs_{number}", "type": "reasoning", "summary": summary})
    output.append(
        {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "status": "completed" if incomplete is None else "incomplete",
            "content": [content(body, writing)],
        }
    )
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed" if incomplete is None else "incomplete",
        "incomplete_details": None if incomplete is None else {"reason": incomplete},
        "error": None,
        "model": body["model"],
        "output": output,
        "usage": {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": writing.output_tokens,
            "output_tokens_details": {"reasoning_tokens": writing.thinking_tokens},
            "total_tokens": read + writing.output_tokens,
        },
    }


def content(body: dict[str, Any], writing: Writing) -> dict[str, Any]:
    if writing.finish == "refusal":
        return {"type": "refusal", "refusal": writing.text}
    asked = WITH_LOGPROBS in (body.get("include") or [])
    logprobs = token_logprobs(writing, body.get("top_logprobs") or 0) if asked else []
    return {"type": "output_text", "text": writing.text, "annotations": [], "logprobs": logprobs}
