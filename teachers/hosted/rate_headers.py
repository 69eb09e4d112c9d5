"""The rate-limit headers of both hosted providers, read into one form. It runs on every call: a few microseconds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from teachers.rate_news import RateNews, Window

__all__ = ["read_rate_headers", "seconds_of"]

OPENAI = {"requests": "requests", "tokens": "tokens"}
ANTHROPIC = {**OPENAI, "input-tokens": "input_tokens", "output-tokens": "output_tokens"}
FIELDS = ("limit", "remaining", "reset")
PLACES: dict[bytes, tuple[str, int]] = {
    **{
        f"x-ratelimit-{field}-{its}".encode(): (ours, FIELDS.index(field))
        for field in FIELDS
        for its, ours in OPENAI.items()
    },
    **{
        f"anthropic-ratelimit-{its}-{field}".encode(): (ours, FIELDS.index(field))
        for field in FIELDS
        for its, ours in ANTHROPIC.items()
    },
}
"""Header -> (which limit of `RateNews`, which of `FIELDS`)."""
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)", re.ASCII)  # as Go prints durations
WHOLE = re.compile(f"(?:{PART.pattern})+", re.ASCII)
UNIT_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
DAY_SECONDS = 86_400.0


def read_rate_headers(headers: Iterable[tuple[bytes, bytes]], now: float) -> RateNews | None:
    """Return what a reply's headers say about rate limits; None when they say nothing that can be read.

    Args:
        headers: Names and values as received.
        now: Seconds since 1970; Anthropic names the instant at which a limit is whole again.

    >>> read_rate_headers([(b"x-ratelimit-limit-tokens", b"500"), (b"x-ratelimit-reset-tokens", b"120ms")], 0.0).tokens
    Window(per_minute=500.0, remaining=None, reset_seconds=0.12)
    """
    found: dict[str, list[float | None]] = {}
    for name, value in headers:
        if name[:1] not in b"xXaA":  # most headers
            continue
        place = PLACES.get(name) or PLACES.get(name.lower())
        if place is not None:
            which, field = place
            if which not in found:
                found[which] = [None, None, None]
            found[which][field] = reset_seconds(value, now) if field == 2 else quantity(value)
    if not found:
        return None
    windows = {which: window(*numbers) for which, numbers in found.items() if numbers != [None, None, None]}
    return RateNews(**windows) if windows else None


def window(limit: float | None, remaining: float | None, reset: float | None) -> Window:
    """Make a window; a limit that turns out to be one for a whole day says nothing about a minute.

    A limit that fills up evenly is whole again after period * used / limit. Some tiers report a day's requests under
    the same name; only then does this come to a day.
    """
    if limit is not None and remaining is not None and reset is not None and limit > remaining:
        period = reset * limit / (limit - remaining)
        if reset >= 1.0 and 0.9 * DAY_SECONDS < period < 1.1 * DAY_SECONDS:
            limit = None
    return Window(limit, remaining, reset)


def quantity(value: bytes) -> float | None:
    """Read a number of calls or tokens; None when it is not one."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def reset_seconds(value: bytes, now: float) -> float | None:
    """Read when a limit is whole again: a duration, or an instant (RFC 3339)."""
    text = value.decode("latin-1")
    if text[4:5] != "-":
        return seconds_of(text)
    try:
        return max(0.0, datetime.fromisoformat(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def seconds_of(duration: str) -> float | None:
    """Read a duration such as "6m0s", "1.5s", "250ms", or plain seconds; None when it is none.

    >>> seconds_of("6m0s"), seconds_of("1h2m3.5s"), seconds_of("250ms"), seconds_of("12"), seconds_of("soon")
    (360.0, 3723.5, 0.25, 12.0, None)
    """
    if not WHOLE.fullmatch(duration):
        return quantity(duration.encode("utf-8", "replace"))
    return sum(float(number) * UNIT_SECONDS[unit] for number, unit in PART.findall(duration))
