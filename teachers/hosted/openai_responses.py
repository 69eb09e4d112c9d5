"""OpenAI's Responses API, as written and read: pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lessons.errors import ConfigError
from teachers.exchange import JSON, Completion, FinishReason, Request
from teachers.hosted.http_errors import FailedReply, MalformedReply, NotHonoured
from teachers.hosted.openai_chat import checked_top_logprobs, token_logprobs

__all__ = ["PATH", "REQUIRED", "body", "check_honoured", "read"]

PATH = "/responses"
REQUIRED = "status"
LOGPROBS = "message.output_text.logprobs"
ENDED = ("completed", "incomplete")
CUT_OFF: dict[str, FinishReason] = {"content_filter": "refusal"}


def body(request: Request, model: str, sampling_parameters: bool, effort: str | None) -> JSON:
    """Return the fields of a request: the system message as instructions, the other turns as input items.

    Args:
        request: What is asked.
        model: The model's name.
        sampling_parameters: Whether to send temperature and top_p.
        effort: How hard a reasoning model thinks; None leaves it out.

    Raises:
        ConfigError: The request has stop texts or a seed, which this interface does not know.
    """
    sampling = request.sampling
    if sampling.stop:
        raise ConfigError(
            f"The Responses API knows no stop texts, got stop={list(sampling.stop)}. Leave them out, or ask through "
            "chat completions (api: chat)."
        )
    system = "\n\n".join(message.content for message in request.messages if message.role == "system")
    fields: dict[str, Any] = {
        "model": model,
        "input": [
            {"role": message.role, "content": message.content}
            for message in request.messages
            if message.role != "system"
        ],
        "max_output_tokens": sampling.max_output_tokens,
        "store": False,  # nothing asks for it again: the ledger holds the reply
    }
    if system:
        fields["instructions"] = system
    if sampling.temperature is not None and sampling_parameters:
        fields["temperature"] = sampling.temperature
    if sampling.top_p != 1.0 and sampling_parameters:
        fields["top_p"] = sampling.top_p
    if request.schema is not None:
        form = {"type": "json_schema", "name": "reply", "strict": True, "schema": dict(request.schema)}
        fields["text"] = {"format": form}
    if request.top_logprobs:
        fields["include"] = [LOGPROBS]
        fields["top_logprobs"] = checked_top_logprobs(request)
    if effort is not None:
        fields["reasoning"] = {"effort": effort}
    return fields


def read(raw: JSON, model: str) -> Completion:
    """Read the output items: text, refusals, and the summary of the reasoning, which is kept apart.

    Args:
        raw: The body of a reply.
        model: The model asked, where the reply does not name one.
    """
    parts = list(message_parts(raw))
    refusals = [part["refusal"] for part in parts if part["type"] == "refusal"]
    texts = [part for part in parts if part["type"] == "output_text"]
    listed = [entry for part in texts for entry in part.get("logprobs") or ()]
    usage = raw.get("usage") or {}
    read_details, written_details = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return Completion(
        text="".join(refusals) or "".join(part["text"] for part in texts),
        finish_reason="refusal" if refusals else finish(raw),
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        model=raw.get("model") or model,
        cached_input_tokens=read_details.get("cached_tokens") or 0,
        cache_write_tokens=read_details.get("cache_write_tokens") or 0,
        reasoning=reasoning(raw),
        reasoning_tokens=written_details.get("reasoning_tokens") or 0,
        logprobs=token_logprobs(listed) if listed and not refusals else None,
    )


def message_parts(raw: JSON) -> Iterator[JSON]:
    """Yield the parts of all messages written."""
    for item in raw["output"]:
        if item["type"] == "message":
            yield from item.get("content") or ()


def finish(raw: JSON) -> FinishReason:
    """Say how a reply ended: one that is incomplete for whatever reason but a filter was cut off."""
    if raw.get("status") != "incomplete":
        return "stop"
    return CUT_OFF.get((raw.get("incomplete_details") or {}).get("reason") or "", "length")


def reasoning(raw: JSON) -> str | None:
    """Return the reasoning that the provider shows: all of it where it does, else its summary."""
    found = []
    for item in raw["output"]:
        if item["type"] == "reasoning":
            found += [part["text"] for part in item.get("content") or item.get("summary") or ()]
    return "\n\n".join(found) or None


def check_honoured(raw: JSON, request: Request) -> None:
    """Refuse a reply that failed behind a good status, or leaves out the log-probabilities it was asked for.

    Raises:
        FailedReply: The reply reports a failure.
        MalformedReply: It has not ended.
        NotHonoured: Log-probabilities are missing.
    """
    if raw["status"] == "failed":
        error = raw.get("error") or {}
        raise FailedReply(error.get("code") or "server_error", error.get("message") or "no reason given")
    if raw["status"] not in ENDED or not isinstance(raw.get("output"), list):
        raise MalformedReply(f"the reply has the status {raw['status']!r} and no answer")
    if not request.top_logprobs:
        return
    for part in message_parts(raw):
        if part["type"] == "output_text" and part["text"] and not part.get("logprobs"):
            raise NotHonoured(
                f"the server was asked for log-probabilities (top_logprobs: {request.top_logprobs}) and answered "
                "without them; it ignores the fields or the model has none. Ask a model that does not reason, or "
                "leave out the annotator that needs them"
            )
