"""How hard a teacher may be worked."""

from __future__ import annotations

from dataclasses import dataclass

from lessons.errors import ConfigError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a teacher may be worked.

    Args:
        in_flight: Calls under way at once.
        attempts: Tries of one call when errors that may heal occur (not counting requests to slow down).
        first_wait_seconds: Longest wait before the second try; it doubles with every further try.
        longest_wait_seconds: Bound of that growth.
        patience_seconds: How long one call goes on while the provider keeps asking to slow down.
        failures_in_a_row: Give up on the whole run when so many calls in a row failed for good.
    """

    in_flight: int = 64
    attempts: int = 6
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    patience_seconds: float = 900.0
    failures_in_a_row: int = 20

    def check(self) -> None:
        """Refuse limits that cannot work."""
        for name in ("in_flight", "attempts", "failures_in_a_row"):
            if getattr(self, name) < 1:
                raise ConfigError(f"Limits {name} must be 1 or more, got {getattr(self, name)}. Correct the setting.")
