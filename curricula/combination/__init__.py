"""Combinations: signals made of signals."""

from __future__ import annotations

from curricula.combination.arithmetic import Disagreement, Extreme, Product, Weighted
from curricula.combination.closeness import Closeness
from curricula.combination.fitted import Fitted
from curricula.combination.group_mean import GroupMean
from curricula.combination.item_response import ItemResponse
from curricula.combination.lexicographic import Lexicographic
from curricula.combination.predictive_strength import PredictiveStrength
from curricula.combination.shrunk_rate import ShrunkRate

__all__ = [
    "Closeness", "Disagreement", "Extreme", "Fitted", "GroupMean", "ItemResponse", "Lexicographic",
    "PredictiveStrength", "Product", "ShrunkRate", "Weighted",
]  # fmt: skip
