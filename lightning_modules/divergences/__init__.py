"""Divergences of a student's next-token distribution from its teacher's, chosen by class path."""

from lightning_modules.divergences.base import Divergence
from lightning_modules.divergences.kullback_leibler import AdaptiveKL, ForwardKL, ReverseKL, SymmetricKL
from lightning_modules.divergences.mixtures import GeneralizedJSD, SkewForwardKL, SkewReverseKL
from lightning_modules.divergences.total_variation import TotalVariation

__all__ = [
    "AdaptiveKL",
    "Divergence",
    "ForwardKL",
    "GeneralizedJSD",
    "ReverseKL",
    "SkewForwardKL",
    "SkewReverseKL",
    "SymmetricKL",
    "TotalVariation",
]
