"""How far a student has moved from the policy that wrote the answers, and what those were worth."""

from __future__ import annotations

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from lightning_modules.data.collate import Batch

__all__ = ["PolicyFigures"]


class PolicyFigures:
    """Adds up the figures of an update's micro-batches; nothing leaves the device before the update is closed."""

    def __init__(self) -> None:
        self.sums: Tensor | None = None  # of R, of clipped tokens, of distances, tokens; of rewards, answers
        self.largest: Tensor | None = None  # |log R|

    def add(self, batch: Batch, log_ratio: Tensor, clipped: Tensor | None, distance: Tensor | None = None) -> None:
        """Add a micro-batch.

        Args:
            batch: The micro-batch, with its rewards.
            log_ratio: log R of its tokens, [supervised].
            clipped: Which of them a clip leaves without a gradient, [supervised]; None where nothing is clipped.
            distance: How far the student is from the reference there, [supervised]; None without a reference.
        """
        answers = len(batch.plan.sequence_numbers)
        if not answers:
            return
        rewards = batch.extras["reward"][:answers].to(log_ratio)
        none = log_ratio.new_zeros(())
        without, apart = (none if found is None else found.sum() for found in (clipped, distance))
        counts = log_ratio.new_tensor([len(log_ratio), answers])
        sums = torch.stack([log_ratio.exp().sum(), without, apart, counts[0], rewards.sum(), counts[1]]).detach()
        largest = log_ratio.detach().abs().max()
        self.sums = sums if self.sums is None else self.sums + sums
        self.largest = largest if self.largest is None else torch.maximum(self.largest, largest)

    def close(self, trainer: Trainer) -> dict[str, Tensor | float]:
        """Return the figures of the update over all devices, and begin anew; empty where nothing was trained."""
        device = trainer.strategy.root_device
        sums = torch.zeros(6, device=device) if self.sums is None else self.sums.float()
        largest = torch.zeros((), device=device) if self.largest is None else self.largest.float()
        self.sums = self.largest = None
        if trainer.world_size > 1:
            sums = trainer.strategy.reduce(sums, reduce_op="sum")
            largest = trainer.strategy.reduce(largest, reduce_op="max")
        ratios, clipped, distances, tokens, rewards, answers = sums.unbind()
        if not answers:
            return {}
        return {
            "reward": rewards / answers,
            "ratio": ratios / tokens,
            "ratio_spread": largest,
            "clipped": clipped / tokens,
            "reference_distance": distances / tokens,
        }
