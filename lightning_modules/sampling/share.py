"""How large a share of the updates is trained on the student's own answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError

if TYPE_CHECKING:
    from lightning_modules.measures.base import Measure
    from lightning_modules.supervised import SupervisedModule

__all__ = ["AdaptiveShare", "FixedShare", "StudentShare"]


class StudentShare(ABC):
    """Says with which probability an update is trained on answers the student wrote itself."""

    @abstractmethod
    def share(self) -> float:
        """Return the probability for the update at hand, in [0, 1]; the same on every process."""

    def check(self) -> None:  # noqa: B027 - most have nothing to check
        """Refuse settings out of range, before the first step."""

    def prepare(self, module: SupervisedModule) -> None:  # noqa: B027
        """Make ready, before the first update of every run; called on all processes."""

    def hear(self, module: SupervisedModule, update: int) -> None:  # noqa: B027
        """Look at the student before an update; called on all processes."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Go on from a saved state."""


class FixedShare(StudentShare):
    """The same share in the whole run: GKD's lambda.

    Args:
        value: The share, in [0, 1].
    """

    def __init__(self, value: float) -> None:
        self.value = value

    def check(self) -> None:
        """Refuse a share outside [0, 1]."""
        refuse_no_share("student_share", self.value)

    def share(self) -> float:
        """Return the share."""
        return self.value


class AdaptiveShare(StudentShare):
    """A share that rises whenever a validation loss has stopped falling: DistiLLM's adaptive use of student answers.

    As in the authors' code (Ko et al. 2024, arXiv:2402.03898): the loss is measured before the first update and then at
    intervals; where it is at least `tolerance` above the loss it is compared with, the share rises by `step`, up to 1,
    and that loss becomes the one to compare with. A lower loss does not become it.

    Args:
        measure: What is measured, such as lightning_modules.FixedSetLoss on lessons that are not trained. One that
            looks on while the student trains, such as TrainingLosses, sees nothing here.
        figure: Which of its metrics is the loss, such as "fixed_loss".
        every_updates: Updates between two measurements.
        start: The share at the beginning, in [0, 1].
        step: By how much it rises, in [0, 1].
        tolerance: How much higher a loss counts as a rise, in nats, at least 0.
    """

    def __init__(
        self,
        measure: Measure,
        figure: str = "fixed_loss",
        every_updates: int = 50,
        start: float = 0.0,
        step: float = 0.1,
        tolerance: float = 0.1,
    ) -> None:
        self.measure = measure
        self.figure = figure
        self.every_updates = every_updates
        self.start = start
        self.step = step
        self.tolerance = tolerance
        self.value = start
        self.compared: float | None = None
        """The loss that the next one is compared with."""
        self.loaded: dict[str, Any] | None = None

    def check(self) -> None:
        """Refuse settings out of range.

        Raises:
            ConfigError: One is.
        """
        refuse_no_share("start", self.start)
        refuse_no_share("step", self.step)
        if self.every_updates < 1 or self.tolerance < 0:
            raise ConfigError(
                f"AdaptiveShare got every_updates = {self.every_updates} and tolerance = {self.tolerance}. Allowed is "
                "1 or more updates, and a tolerance of at least 0. Correct them."
            )

    def prepare(self, module: SupervisedModule) -> None:
        """Choose what to measure on, and only then give the measure its saved state."""
        self.measure.prepare(module.trainer.datamodule)  # type: ignore[attr-defined]
        if self.loaded is not None:
            self.measure.load_state_dict(self.loaded)

    def share(self) -> float:
        """Return the share reached."""
        return self.value

    def hear(self, module: SupervisedModule, update: int) -> None:
        """Measure where it is time, and raise the share where the loss has risen.

        Raises:
            ConfigError: The measure does not give that figure.
        """
        if update % self.every_updates:
            return
        metrics = self.measure.measure(module).metrics
        if self.figure not in metrics:
            raise ConfigError(
                f"{type(self.measure).__name__} gives no figure {self.figure!r}, but {', '.join(metrics) or 'none'}. "
                "AdaptiveShare needs one of them. Correct `figure`."
            )
        loss = metrics[self.figure]
        if self.compared is None:
            self.compared = loss
        elif loss >= self.compared + self.tolerance:
            self.value, self.compared = min(1.0, self.value + self.step), loss

    def state_dict(self) -> dict[str, Any]:
        """Return the share, what it is compared with, and the measure's state."""
        return {"value": self.value, "compared": self.compared, "measure": self.measure.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.value, self.compared, self.loaded = state["value"], state["compared"], state["measure"]


def refuse_no_share(name: str, value: float) -> None:
    """Refuse a number outside [0, 1].

    Raises:
        ConfigError: It is.
    """
    if not 0 <= value <= 1:
        raise ConfigError(f"{name} is {value}, which is no share. Allowed are values from 0 to 1. Correct `{name}`.")
