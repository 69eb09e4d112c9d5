"""Signals that a student gives: how likely it finds what it is to learn, how it fares at it, what it sees in it."""

from students.signals.angle_concentration import AngleConcentration
from students.signals.base import StudentSignal
from students.signals.demonstration_utility import DemonstrationUtility
from students.signals.hidden_states import HiddenStates
from students.signals.instruction_difficulty import InstructionDifficulty, ReversedInstructionDifficulty
from students.signals.loss import ErrorNorm, Loss
from students.signals.loss_drop import LossDrop
from students.signals.nuclear_norm import NuclearNorm
from students.signals.roll_outs import RollOuts

__all__ = [
    "AngleConcentration",
    "DemonstrationUtility",
    "ErrorNorm",
    "HiddenStates",
    "InstructionDifficulty",
    "Loss",
    "LossDrop",
    "NuclearNorm",
    "ReversedInstructionDifficulty",
    "RollOuts",
    "StudentSignal",
]
