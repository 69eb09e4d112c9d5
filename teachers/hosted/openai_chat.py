"""OpenAI's chat completions, as written and read: pure functions. Many other servers speak it, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lessons.errors import ConfigError
from teachers.exchange import JSON, Completion, FinishReason, Request, TokenLogprob
from teachers.hosted.http_errors import NotHonoured

__all__ = ["PATH", "REQUIRED", "body", "check_honoured", "checked_top_logprobs", "read", "token_logprobs"]

PATH = "/chat/completions"
REQUIRED = "choices"
MOST_TOP_LOGPROBS = 20
ENDED: dict[str, FinishReason] = {"length": "length", "content_filter": "refusal"}


def body(request: Request, model: str, token_limit_field: str, sampling_parameters: bool, effort: str | None) -> JSON:
    """Return the fields of a request.

    Args:
        request: What is asked.
        model: The model's name.
        token_limit_field: Name of the field for the most tokens to write.
        sampling_parameters: Whether to send temperature and top_p.
        effort: How hard a reasoning model thinks; None leaves it out.
    """
    sampling = request.sampling
    fields: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        token_limit_field: sampling.max_output_tokens,
    }
    if sampling.temperature is not None and sampling_parameters:
        fields["temperature"] = sampling.temperature
    if sampling.top_p != 1.0 and sampling_parameters:
        fields["top_p"] = sampling.top_p
    if request.seed is not None:
        fields["seed"] = request.seed
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    if request.schema is not None:
        schema = {"name": "reply", "strict": True, "schema": dict(request.schema)}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.top_logprobs:
        fields["logprobs"] = True
        fields["top_logprobs"] = checked_top_logprobs(request)
    if effort is not None:
        fields["reasoning_effort"] = effort
    return fields


def checked_top_logprobs(request: Request) -> int:
    """Return how many log-probabilities are asked for at each position.

    Raises:
        ConfigError: More than the provider gives.
    """
    if not 0 < request.top_logprobs <= MOST_TOP_LOGPROBS:
        raise ConfigError(
            f"top_logprobs is {request.top_logprobs}; this provider reports 1 to {MOST_TOP_LOGPROBS} tokens at each "
            "position. Ask for fewer, or score with a TransformersBackend, which reports any number."
        )
    return request.top_logprobs


def read(raw: JSON, model: str) -> Completion:
    """Read the first choice.

    Args:
        raw: The body of a reply.
        model: The model asked, where the reply does not name one.
    """
    choice = raw["choices"][0]
    message, usage = choice["message"], raw.get("usage") or {}
    refusal = message.get("refusal")
    read_details = usage.get("prompt_tokens_details") or {}
    written_details = usage.get("completion_tokens_details") or {}
    listed = (choice.get("logprobs") or {}).get("content")
    return Completion(
        text=refusal or message.get("content") or "",
        finish_reason="refusal" if refusal else ENDED.get(choice.get("finish_reason") or "stop", "stop"),
        input_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
        model=raw.get("model") or model,
        cached_input_tokens=read_details.get("cached_tokens") or 0,
        cache_write_tokens=read_details.get("cache_write_tokens") or 0,
        reasoning=message.get("reasoning_content") or message.get("reasoning"),
        reasoning_tokens=written_details.get("reasoning_tokens") or 0,
        logprobs=None if listed is None or refusal else token_logprobs(listed),
    )


def token_logprobs(listed: Sequence[JSON]) -> tuple[TokenLogprob, ...]:
    """Read the list of tokens with their log-probabilities, the likeliest alternatives first."""
    return tuple(
        TokenLogprob(
            entry["token"],
            entry["logprob"],
            tuple(
                sorted(
                    ((other["token"], other["logprob"]) for other in entry.get("top_logprobs") or ()),
                    key=lambda pair: -pair[1],
                )
            ),
        )
        for entry in listed
    )


def check_honoured(raw: JSON, request: Request) -> None:
    """Refuse a reply that leaves out the log-probabilities it was asked for.

    A schema that was ignored shows in the text, which the annotator's parser checks; a number of samples in `choices`.

    Raises:
        NotHonoured: They are missing.
    """
    if not request.top_logprobs:
        return
    for choice in raw["choices"]:
        listed = (choice.get("logprobs") or {}).get("content")
        if choice["message"].get("content") and not listed:
            raise NotHonoured(
                f"the server was asked for log-probabilities (top_logprobs: {request.top_logprobs}) and answered "
                "without them; it ignores the fields or the model has none. Ask a server that reports them (OpenAI's "
                "models that do not reason, vLLM), or leave out the annotator that needs them"
            )
