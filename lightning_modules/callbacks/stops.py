"""Rules that end a run early, between two updates, with a checkpoint and an exported student."""

from __future__ import annotations

import logging
import math
from abc import abstractmethod
from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.callbacks.feedback import CurriculumFeedback
from lightning_modules.data.collate import Batch
from lightning_modules.gradient_norm import leaves_out_infinite

__all__ = ["StopOnGradientNorm", "StopOnPlateau", "StopOnTokens", "StopRule"]

log = logging.getLogger(__name__)


class StopRule(Callback):
    """Asks after every update whether the run shall end; all processes decide alike."""

    @abstractmethod
    def verdict(self, trainer: Trainer, batch: Batch) -> str | None:
        """Return why the run shall end after this update, or None."""

    def check(self) -> None:
        """Refuse settings out of range.

        Raises:
            ConfigError: One is.
        """

    def standing(self) -> str | None:
        """Return why the run shall make no further update, from what is known without one, or None."""
        return None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check the settings before the first update."""
        self.check()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let a run that ended, and was killed before its student was written, not make another update."""
        if self.standing() is not None:
            trainer.should_stop = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Ask after the last micro-batch of an update."""
        if not batch.plan.closes_update:
            return
        reason = self.verdict(trainer, batch)
        # Some figures are logged by the first process alone: of what it says the others know nothing.
        if trainer.strategy.reduce_boolean_decision(reason is not None, all=False):
            trainer.should_stop = True
            if trainer.is_global_zero:
                log.info("Stopped after update %d: %s", batch.plan.update + 1, reason)


class StopOnTokens(StopRule):
    """Ends a run that has used up its tokens: the last update may exceed the budget by a part of itself.

    Args:
        tokens: Tokens that may be read, padding not counted.
        supervised: Count only tokens that carry loss.
    """

    def __init__(self, tokens: int, supervised: bool = False) -> None:
        self.tokens = tokens
        self.supervised = supervised
        self.used = 0

    def check(self) -> None:
        """Refuse a budget of nothing."""
        if self.tokens < 1:
            raise ConfigError(f"StopOnTokens got tokens={self.tokens}; allowed is 1 or more. Correct it.")

    def verdict(self, trainer: Trainer, batch: Batch) -> str | None:
        """Count the update's tokens."""
        self.used += batch.plan.update_supervised_tokens if self.supervised else batch.plan.update_tokens
        return self.standing()

    def standing(self) -> str | None:
        """Compare with the budget."""
        return f"{self.used:,} of {self.tokens:,} tokens are used up" if self.used >= self.tokens else None

    def state_dict(self) -> dict[str, Any]:
        """Return the tokens used."""
        return {"used": self.used}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on from a checkpoint."""
        self.used = int(state_dict["used"])


class StopOnPlateau(StopRule):
    """Ends a run when a figure has not improved for a while.

    The figure is any that is logged: "loss", or what `feedback.measures` measures, such as "probe_loss", "pass_rate" or
    the share of answers in the asked form (instruction-following score). What is measured now and then counts once for
    every time that it is measured, also when it comes out the same.

    Args:
        figure: Name of the figure.
        patience: How many new values without improvement end the run.
        least_change: An improvement must exceed this.
        better: Whether "lower" or "higher" values are better.
    """

    def __init__(
        self,
        figure: str = "probe_loss",
        patience: int = 3,
        least_change: float = 0.0,
        better: Literal["lower", "higher"] = "lower",
    ) -> None:
        self.figure = figure
        self.patience = patience
        self.least_change = least_change
        self.better = better
        self.best: float | None = None
        self.heard_of = 0
        self.seen = False
        self.waited = 0
        self.logged: Tensor | None = None  # when last looked at; it keeps its place in memory from being used anew

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say so when the figure was never measured: a rule that cannot fire is a mistake."""
        if not self.seen and trainer.is_global_zero:
            known = ", ".join(sorted(trainer.callback_metrics)) or "none"
            log.warning("StopOnPlateau never saw the figure %r; logged were: %s", self.figure, known)

    def check(self) -> None:
        """Refuse settings out of range."""
        if self.patience < 1 or self.better not in ("lower", "higher"):
            raise ConfigError(
                f"StopOnPlateau got patience={self.patience} and better={self.better!r}; allowed are 1 or more, and "
                "'lower' or 'higher'. Correct them."
            )

    def verdict(self, trainer: Trainer, batch: Batch) -> str | None:
        """Look at the figure, if it is new."""
        found = self.new_value(trainer)
        if found is None:
            return None
        self.seen = True
        gain = math.inf if self.best is None else found - self.best
        if self.best is not None and self.better == "lower":
            gain = -gain
        if gain > self.least_change:
            self.best, self.waited = found, 0
            return None
        self.waited += 1
        return self.standing()

    def standing(self) -> str | None:
        """Compare with the patience."""
        if self.best is None or self.waited < self.patience:
            return None
        return f"{self.figure} has not improved on {self.best:.6g} for {self.waited} measurements"

    def new_value(self, trainer: Trainer) -> float | None:
        """Return the figure if it was measured since the last look, else None."""
        measured = [c.latest for c in trainer.callbacks if isinstance(c, CurriculumFeedback)]  # type: ignore[attr-defined]
        for feedback in measured:
            if feedback is not None and self.figure in feedback.metrics:
                fresh, self.heard_of = feedback.update > self.heard_of, feedback.update
                return feedback.metrics[self.figure] if fresh else None
        before, self.logged = self.logged, trainer.callback_metrics.get(self.figure)
        if self.logged is None or (before is not None and before.data_ptr() == self.logged.data_ptr()):
            return None  # Lightning keeps the last value of everything for ever
        return float(self.logged)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value and how long it has stood."""
        return {"best": self.best, "heard_of": self.heard_of, "seen": self.seen, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Wait on from a checkpoint."""
        self.best, self.waited = state_dict["best"], state_dict["waited"]
        self.heard_of, self.seen = state_dict["heard_of"], state_dict["seen"]


class StopOnGradientNorm(StopRule):
    """Kills a run early whose gradients tell that it goes wrong: a norm that is not finite, or stays above a limit.

    Low gradient norms early in fine-tuning foretell better models (Pareja et al. 2024, arXiv:2412.13337 unchecked); the
    limit is yours, from runs that went well.

    Args:
        above: Norm, before clipping, that is too high.
        patience: After how many updates in a row above it the run ends.
        after_updates: Do not judge the first so many updates.
    """

    def __init__(self, above: float, patience: int = 10, after_updates: int = 10) -> None:
        self.above = above
        self.patience = patience
        self.after_updates = after_updates
        self.in_a_row = 0

    def check(self) -> None:
        """Refuse settings out of range."""
        if not self.above > 0 or self.patience < 1:
            raise ConfigError(
                f"StopOnGradientNorm got above={self.above:g} and patience={self.patience}; allowed are norms above 0 "
                "and 1 or more. Correct them."
            )

    def verdict(self, trainer: Trainer, batch: Batch) -> str | None:
        """Judge."""
        module = trainer.lightning_module
        found = getattr(module, "gradient_norm", None)
        if found is None:
            raise ConfigError(
                f"StopOnGradientNorm reads the norm that a module measures, and {type(module).__name__} measures none. "
                "Allowed are lightning_modules.SupervisedModule and what is built on it. Train one, or remove the rule."
            )
        norm = float(found)
        if not math.isfinite(norm):
            return None if leaves_out_infinite(trainer.precision_plugin) else "the gradient is not finite"
        if batch.plan.update < self.after_updates:
            return None
        self.in_a_row = self.in_a_row + 1 if norm > self.above else 0
        reason = self.standing()
        return reason and f"{reason}, at last {norm:.4g}"

    def standing(self) -> str | None:
        """Compare with the patience."""
        if self.in_a_row < self.patience:
            return None
        return f"the gradient's norm was above {self.above:g} for {self.in_a_row} updates"

    def state_dict(self) -> dict[str, Any]:
        """Return how many updates in a row were too high."""
        return {"in_a_row": self.in_a_row}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on from a checkpoint."""
        self.in_a_row = int(state_dict["in_a_row"])
