"""Pacings: dials that follow the progress of the training, or of the student."""

from __future__ import annotations

from curricula.pacing.base import Pacing
from curricula.pacing.gates import Gate
from curricula.pacing.glide import Glide, Swing
from curricula.pacing.root import RootPacing
from curricula.pacing.steady import PerRound, Stages, Steady

__all__ = ["Gate", "Glide", "Pacing", "PerRound", "RootPacing", "Stages", "Steady", "Swing"]
