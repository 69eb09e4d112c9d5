"""What a provider's headers say about its rate limits."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RateNews", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """One limit: how much may be used in a minute, what is left of it, when it is whole again."""

    per_minute: float | None = None
    """The limit; None when not told."""
    remaining: float | None = None
    """What is left of it now, the reply at hand counted; None when not told."""
    reset_seconds: float | None = None
    """Seconds until it is whole again; None when not told."""


@dataclass(frozen=True, slots=True)
class RateNews:
    """What one reply's headers say. None: nothing about that limit."""

    requests: Window | None = None
    """Calls."""
    tokens: Window | None = None
    """Tokens read and written together (OpenAI counts so)."""
    input_tokens: Window | None = None
    """Tokens read."""
    output_tokens: Window | None = None
    """Tokens written."""
