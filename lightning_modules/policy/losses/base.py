"""What every loss on marked answers is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor

from lessons.errors import ConfigError

__all__ = ["MARKS", "Marks", "PolicyLoss", "check_range"]


class Marks(NamedTuple):
    """What the verifier said of the answer that each token belongs to."""

    reward: Tensor
    """The answer's reward, [tokens]."""
    mean: Tensor
    """The mean reward of all answers to its question, [tokens]; with rewards of 0 and 1 the pass rate."""
    deviation: Tensor
    """Their standard deviation, divided by their number, [tokens]; 0 where all are equal."""


MARKS = Marks._fields
"""Their names in `Batch.extras`, where each is of [sequences]."""


class PolicyLoss(ABC):
    """Turns ratios and marks into the loss of every token."""

    needs_right_and_wrong: bool = False
    """Whether rewards must be 0 or 1."""

    @abstractmethod
    def per_token(self, log_ratio: Tensor, marks: Marks) -> Tensor:
        """Return one number per token, [tokens]; 0 where the answers to a question are all alike.

        Args:
            log_ratio: log of the student's probability of the token less that of the policy that wrote it, [tokens].
            marks: What the verifier said.
        """

    def clipped(self, log_ratio: Tensor, marks: Marks) -> Tensor | None:
        """Return which tokens are left without a gradient by a clip, bool [tokens]; None for a loss without one."""
        return None

    def check(self) -> None:  # noqa: B027 - not all have something to check
        """Refuse settings out of range; called before the first step.

        Raises:
            ConfigError: A setting is out of range.
        """

    @property
    @abstractmethod
    def formula(self) -> str:
        """The loss of a token as text, for the log."""


def check_range(owner: object, name: str, value: float, allowed: bool, range_: str) -> None:
    """Refuse a value out of its range.

    Raises:
        ConfigError: It is.
    """
    if not allowed:
        raise ConfigError(
            f"{type(owner).__name__} got {name}={value}, which it cannot use. Allowed is {range_}. Correct `{name}`."
        )
