"""Losses as pure functions over tensors. They return sums and counts; the module that calls them normalises."""

from lightning_modules.losses.token_losses import PartSums, part_sums, weighted_loss

__all__ = ["PartSums", "part_sums", "weighted_loss"]
