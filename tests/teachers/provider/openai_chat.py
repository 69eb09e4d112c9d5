"""OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provider.conversation import Conversation, Writing, text_of
from provider.openai_wire import schema_problem, token_logprobs

__all__ = ["conversation", "problem", "reply", "usage"]

REASONING = {"none": 0, "minimal": 2, "low": 5, "medium": 10, "high": 20, "xhigh": 40}
FINISH = {"stop": "stop", "length": "length", "refusal": "content_filter"}


def problem(body: dict[str, Any]) -> str | None:
    """Say why the provider would answer 400; None if it would not."""
    messages = body.get("messages")
    if not body.get("model") or not isinstance(messages, list) or not messages:
        return "Missing required parameter: 'model' or 'messages'."
    if any(m.get("role") not in ("system", "developer", "user", "assistant", "tool") for m in messages):
        return "Invalid value: messages[].role"
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        return "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
    if not 0 <= (body.get("top_logprobs") or 0) <= 20:
        return "Invalid 'top_logprobs': expected a value <= 20."
    if not 1 <= body.get("n", 1) <= 128:
        return "Invalid 'n': expected a value between 1 and 128."
    if not 0 <= body.get("temperature", 1) <= 2:
        return "Invalid 'temperature': expected a value <= 2."
    if len(body.get("stop") or []) > 4 and not isinstance(body["stop"], str):
        return "Invalid 'stop': array too long. Expected an array with maximum length 4."
    given = (body.get("response_format") or {}).get("json_schema")
    return None if given is None else schema_problem(given)


def conversation(body: dict[str, Any]) -> Conversation:
    """Read a request."""
    seed = body.get("seed")
    return Conversation(
        model=body["model"],
        texts=tuple(text_of(message.get("content")) for message in body["messages"]),
        draws=tuple((seed or 0) + k for k in range(body.get("n", 1))),
        most_tokens=body.get("max_completion_tokens") or body.get("max_tokens") or 4_096,
        schema=((body.get("response_format") or {}).get("json_schema") or {}).get("schema"),
        thinking_tokens=REASONING.get(body.get("reasoning_effort") or "none", 10),
        cached_texts=len(body["messages"]) - 1,
        variant=(seed, body.get("temperature"), body.get("n", 1)),
    )


def reply(body: dict[str, Any], writings: Sequence[Writing], read: int, cached: int, number: int) -> dict[str, Any]:
    """Return the body of a completion."""
    choices: list[dict[str, Any]] = [
        {
            "index": index,
            "message": {
                "role": "assistant",
                "content": writing.text,
                "refusal": None,
                "annotations": [],
            },
            "logprobs": logprobs(writing, body),
            "finish_reason": FINISH[writing.finish],
        }
        for index, writing in enumerate(writings)
    ]
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": choices,
        "usage": usage(writings, read, cached),
        "service_tier": "default",
        "system_fingerprint": "fp_emulated",
    }


def logprobs(writing: Writing, body: dict[str, Any]) -> dict[str, Any] | None:
    if not body.get("logprobs"):
        return None
    return {"content": token_logprobs(writing, body.get("top_logprobs") or 0), "refusal": None}


def usage(writings: Sequence[Writing], read: int, cached: int) -> dict[str, Any]:
    """Return what is charged."""
    written = sum(writing.output_tokens for writing in writings)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": sum(writing.thinking_tokens for writing in writings)},
    }
