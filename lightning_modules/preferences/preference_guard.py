"""Stops training that makes chosen texts unlikely."""

from __future__ import annotations

from lessons.errors import TrainingCollapsed

__all__ = ["FallGuard"]

MEMORY = 0.9
"""How much of the mean fall is kept from update to update: it spans about ten."""


class FallGuard:
    """Watches how far chosen texts fall below the reference, on average over about ten updates.

    Args:
        largest_fall: How far they may, in nats a token; None: as far as they like.
    """

    def __init__(self, largest_fall: float | None) -> None:
        self.largest_fall = largest_fall
        self.fall = 0.0
        self.weight = 0.0

    def see(self, fall: float, update: int) -> None:
        """Count the mean fall of an update's chosen texts.

        Raises:
            TrainingCollapsed: They have fallen too far.
        """
        self.fall = MEMORY * self.fall + (1 - MEMORY) * fall
        self.weight = MEMORY * self.weight + (1 - MEMORY)
        mean = self.fall / self.weight
        if self.largest_fall is not None and mean > self.largest_fall:
            raise TrainingCollapsed(
                f"Stopped at update {update}: the chosen texts have become less likely, by {mean:.3g} nats a token on "
                f"average over the last updates; at most {self.largest_fall:g} is allowed (preference.largest_fall). "
                "Lower the learning rate or the weight of rejected texts, give chosen ones a supervised_weight where "
                "the loss has one, or allow more (null: any)."
            )

    def state_dict(self) -> dict[str, float]:
        """Return what has been seen."""
        return {"fall": self.fall, "weight": self.weight}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint."""
        self.fall, self.weight = state["fall"], state["weight"]
