"""What all of OpenAI's formats share: errors, headers, answers as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from provider.conversation import Writing
from provider.rate_limits import Meter

__all__ = ["error", "rate_headers", "schema_problem", "token_logprobs", "wait_headers"]

KINDS = {400: "invalid_request_error", 401: "invalid_request_error", 403: "permission_error", 429: "requests"}
METERS = {"requests": "requests", "tokens": "tokens", "input_tokens": "tokens"}
"""Our names of the limits, and theirs in the headers."""


def error(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return the body of an error."""
    return {"error": {"message": message, "type": KINDS.get(status, "server_error"), "param": None, "code": code}}


def rate_headers(meters: Mapping[str, Meter], now: float) -> dict[str, str]:
    """Return what a reply says about the limits."""
    headers = {}
    for name, meter in meters.items():
        if name in METERS:
            theirs = METERS[name]
            headers[f"x-ratelimit-limit-{theirs}"] = f"{meter.per_minute:.0f}"
            headers[f"x-ratelimit-remaining-{theirs}"] = str(meter.remaining(now))
            headers[f"x-ratelimit-reset-{theirs}"] = duration(meter.reset_seconds(now))
    return headers


def wait_headers(seconds: float) -> dict[str, str]:
    """Return how long to wait: whole seconds for old clients, milliseconds for new ones."""
    return {"retry-after": str(math.ceil(seconds)), "retry-after-ms": str(math.ceil(1000 * seconds))}


def duration(seconds: float) -> str:
    """Write a duration as OpenAI does.

    >>> duration(0.12), duration(1.5), duration(372.0)
    ('120ms', '1.5s', '6m12s')
    """
    if seconds < 1:
        return f"{math.ceil(1000 * seconds)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes or hours else "") + f"{rest:g}s"


def token_logprobs(writing: Writing, top: int) -> list[dict[str, Any]]:
    """Return the log-probabilities of an answer's tokens."""
    return [
        {
            "token": token,
            "logprob": writing.logprob(position),
            "bytes": list(token.encode("utf-8", "surrogatepass")),
            "top_logprobs": [
                {"token": other, "logprob": logprob, "bytes": list(other.encode("utf-8", "surrogatepass"))}
                for other, logprob in writing.top(position, top)
            ],
        }
        for position, token in enumerate(writing.tokens)
    ]


def schema_problem(given: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a strict JSON schema: names, required properties, additional properties."""
    name = given.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= 64:
        return "Missing or invalid name of the json_schema."
    if not given.get("strict"):
        return None
    return strict_problem(given.get("schema") or {}, ())


def strict_problem(schema: Mapping[str, Any], context: tuple[str, ...]) -> str | None:
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            return f"In context={context}, 'additionalProperties' must be false."
        if sorted(schema.get("required", [])) != sorted(properties):
            return f"In context={context}, 'required' must be an array including every key in properties."
        for name, part in properties.items():
            if problem := strict_problem(part, (*context, "properties", name)):
                return problem
    if isinstance(schema.get("items"), dict):
        return strict_problem(schema["items"], (*context, "items"))
    return None
