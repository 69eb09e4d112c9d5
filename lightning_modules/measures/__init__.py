"""What is measured on the running student for its plan."""

from lightning_modules.measures.base import Figures, Measure
from lightning_modules.measures.fixed_set import FixedSetLoss
from lightning_modules.measures.pass_rates import PassRates
from lightning_modules.measures.probe import ProbeErrors, ProbeLosses
from lightning_modules.measures.signals import ProbeAngles, ProbeNuclearNorms
from lightning_modules.measures.training_losses import TrainingLosses

__all__ = [
    "Figures",
    "FixedSetLoss",
    "Measure",
    "PassRates",
    "ProbeAngles",
    "ProbeErrors",
    "ProbeLosses",
    "ProbeNuclearNorms",
    "TrainingLosses",
]
