"""Mixtures around another mixture: what they do not change stays as it is there."""

from __future__ import annotations

from curricula.feedback import Feedback
from curricula.mixtures.base import Mixture
from curricula.pool import Pool
from curricula.state import State

__all__ = ["MixtureAround"]


class MixtureAround(Mixture):
    """Changes what another mixture draws.

    Args:
        mixture: What draws the lessons.
    """

    def __init__(self, mixture: Mixture) -> None:
        self.mixture = mixture

    @property
    def hears(self) -> bool:  # type: ignore[override]
        """Whether the mixture inside hears."""
        return self.mixture.hears

    @property
    def follows_order(self) -> bool:  # type: ignore[override]
        """Whether the mixture inside does."""
        return self.mixture.follows_order

    def start(self, pool: Pool) -> State:
        """Return the first state of the mixture inside."""
        return self.mixture.start(pool)

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Tell the mixture inside."""
        return self.mixture.hear(pool, state, feedback)
