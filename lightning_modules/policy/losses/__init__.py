"""Losses on answers that a verifier has marked, chosen by class path."""

from lightning_modules.policy.losses.base import MARKS, Marks, PolicyLoss
from lightning_modules.policy.losses.group_advantage import GroupAdvantage
from lightning_modules.policy.losses.negative_aware import NegativeAware

__all__ = ["MARKS", "GroupAdvantage", "Marks", "NegativeAware", "PolicyLoss"]
