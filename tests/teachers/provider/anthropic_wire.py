"""What Anthropic's formats share: errors and headers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from provider.clock import Clock
from provider.rate_limits import Meter

__all__ = ["error", "rate_headers", "wait_headers"]

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
METERS = {"requests": "requests", "tokens": "tokens", "input_tokens": "input-tokens", "output_tokens": "output-tokens"}
"""Our names of the limits, and theirs in the headers."""


def error(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return the body of an error."""
    return {"type": "error", "error": {"type": KINDS.get(status, "api_error"), "message": message}, "request_id": "req"}


def rate_headers(meters: Mapping[str, Meter], now: float, clock: Clock) -> dict[str, str]:
    """Return what a reply says about the limits: tokens in thousands, resets as moments of the wall clock."""
    headers = {}
    for name, meter in meters.items():
        start = f"anthropic-ratelimit-{METERS[name]}"
        left = meter.remaining(now)
        headers[f"{start}-limit"] = f"{meter.per_minute:.0f}"
        headers[f"{start}-remaining"] = str(left if name == "requests" else round(left, -3))
        headers[f"{start}-reset"] = clock.rfc3339(meter.reset_seconds(now))
    return headers


def wait_headers(seconds: float) -> dict[str, str]:
    """Return how long to wait, in whole seconds."""
    return {"retry-after": str(max(1, math.ceil(seconds)))}
