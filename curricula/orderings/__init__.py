"""Orderings: in which order a pass goes through the lessons."""

from __future__ import annotations

from curricula.orderings.base import Ordering
from curricula.orderings.blurred import Blurred
from curricula.orderings.by_score import EasyFirst, HardFirst
from curricula.orderings.shuffled import Shuffled
from curricula.orderings.tiers import Tiers

# Those that look at the pool import it, and it imports this package: they stand in `curricula` itself.
__all__ = ["Blurred", "EasyFirst", "HardFirst", "Ordering", "Shuffled", "Tiers"]
