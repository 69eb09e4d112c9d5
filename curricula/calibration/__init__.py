"""Calibrations: a signal's values on another scale."""

from __future__ import annotations

from curricula.calibration.base import Calibrated, Calibration
from curricula.calibration.scales import RankShare, StandardScore, UnitInterval
from curricula.calibration.tiers import Cutoffs, EqualTiers

__all__ = ["Calibrated", "Calibration", "Cutoffs", "EqualTiers", "RankShare", "StandardScore", "UnitInterval"]
