"""What every divergence is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from lessons.errors import ConfigError

__all__ = ["Divergence", "check_share"]


class Divergence(ABC):
    """Says how far the student's next-token distribution is from the teacher's."""

    needs_every_token = False
    """Whether it makes no sense where all but the teacher's most probable tokens are known as one outcome only."""

    @abstractmethod
    def per_token(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return one number per token, [tokens], 0 where the two agree.

        Args:
            student: Natural log-probabilities, float32 or better, [tokens, outcomes].
            teacher: The teacher's, [tokens, outcomes]; without gradient.
        """

    def check(self) -> None:  # noqa: B027 - most have nothing to check
        """Refuse settings out of range; called before the first step.

        Raises:
            ConfigError: A setting is out of range.
        """


def check_share(divergence: Divergence, name: str, value: float, ends: bool) -> None:
    """Refuse a share outside [0, 1], or outside (0, 1) where the ends make no sense.

    Raises:
        ConfigError: It is.
    """
    if not (0 <= value <= 1 if ends else 0 < value < 1):
        allowed = "from 0 to 1" if ends else "above 0 and below 1"
        raise ConfigError(
            f"{type(divergence).__name__} got {name}={value}, which is no share it can use. Allowed are values "
            f"{allowed}. Correct `{name}`."
        )
