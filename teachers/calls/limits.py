"""How hard a teacher may be worked."""

from __future__ import annotations

from dataclasses import dataclass

from lessons.errors import ConfigError

__all__ = ["Limits"]

WAITS = ("first_wait_seconds", "longest_wait_seconds", "patience_seconds")
RATES = ("requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute", "tokens_per_minute")


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a teacher may be worked. Each of several teachers in one run is paced by itself.

    Args:
        in_flight: Calls under way at once, at most.
        attempts: Tries of one call when errors that may heal occur (not counting requests to slow down).
        first_wait_seconds: Longest wait before the second try; it doubles with every further try.
        longest_wait_seconds: Bound of that growth.
        patience_seconds: How long one call goes on while the provider keeps asking to slow down.
        failures_in_a_row: Give up on the whole run when so many calls in a row failed for good.
        requests_per_minute: Calls a minute; None to learn it from the headers of replies (no limit without them).
        input_tokens_per_minute: Tokens read a minute; None to learn it.
        output_tokens_per_minute: Tokens written a minute; None to learn it.
        tokens_per_minute: Tokens read and written together a minute, as OpenAI counts them; None to learn it.
    """

    in_flight: int = 64
    attempts: int = 6
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    patience_seconds: float = 900.0
    failures_in_a_row: int = 20
    requests_per_minute: float | None = None
    input_tokens_per_minute: float | None = None
    output_tokens_per_minute: float | None = None
    tokens_per_minute: float | None = None

    def check(self) -> None:
        """Refuse limits that cannot work."""
        for name in ("in_flight", "attempts", "failures_in_a_row"):
            if getattr(self, name) < 1:
                raise ConfigError(f"Limits {name} must be 1 or more, got {getattr(self, name)}. Correct the setting.")
        for name in WAITS:
            if not getattr(self, name) >= 0:
                raise ConfigError(f"Limits {name} must be 0 or more, got {getattr(self, name)}. Correct the setting.")
        for name in RATES:
            rate = getattr(self, name)
            if rate is not None and not rate > 0:
                raise ConfigError(
                    f"Limits {name} must be above 0, got {rate}. Leave it out to learn it from the provider's replies."
                )
