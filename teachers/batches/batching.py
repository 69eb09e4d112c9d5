"""How a run uses a provider's batch interface."""

from __future__ import annotations

from dataclasses import dataclass

from lessons.errors import ConfigError

__all__ = ["Batches"]


@dataclass(frozen=True, slots=True)
class Batches:
    """Hand calls in as batches, at a share of the live price, and wait for the results.

    The run may be stopped and killed at any moment: what was handed in is known by the ledger, and running the same
    command again collects it, in batch mode or live.

    Args:
        largest: The most requests of one batch; the provider's own bounds hold as well.
        prompts_at_once: Prompts worked on at once, which bounds the memory: some 6 kB each. Several batches are under
            way at once when this is larger than `largest`.
        quiet_seconds: A batch that is not full is handed in when nothing was added to it for so long.
        poll_seconds: Time between two looks at a batch.
        longest_wait_hours: Stop waiting for a batch after so long; running again goes on waiting.
        find_seconds: After a kill at the very moment of handing in, look for the batch at the provider for so long
            before it is taken for never handed in.
    """

    largest: int = 10_000
    prompts_at_once: int = 40_000
    quiet_seconds: float = 2.0
    poll_seconds: float = 30.0
    longest_wait_hours: float = 26.0
    find_seconds: float = 30.0

    def check(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: A number is too small.
        """
        for name in ("largest", "prompts_at_once"):
            if getattr(self, name) < 1:
                raise ConfigError(f"Batches {name} must be 1 or more, got {getattr(self, name)}. Correct the setting.")
        for name in ("quiet_seconds", "poll_seconds", "longest_wait_hours", "find_seconds"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"Batches {name} must be 0 or more, got {getattr(self, name)}. Correct the setting.")
