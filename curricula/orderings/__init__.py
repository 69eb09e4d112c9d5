"""Orderings: in which order one pass goes through its lessons."""

from __future__ import annotations

from curricula.orderings.base import Ordering
from curricula.orderings.blurred import Blurred
from curricula.orderings.by_score import EasyFirst, HardFirst
from curricula.orderings.shuffled import Shuffled
from curricula.orderings.tiers import Tiers

__all__ = ["Blurred", "EasyFirst", "HardFirst", "Ordering", "Shuffled", "Tiers"]
