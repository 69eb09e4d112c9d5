"""Signals that a student gives: how likely it finds what it is to learn."""

from students.signals.base import StudentSignal
from students.signals.instruction_difficulty import InstructionDifficulty, ReversedInstructionDifficulty
from students.signals.loss import ErrorNorm, Loss
from students.signals.loss_drop import LossDrop
from students.signals.roll_outs import RollOuts

__all__ = [
    "ErrorNorm",
    "InstructionDifficulty",
    "Loss",
    "LossDrop",
    "ReversedInstructionDifficulty",
    "RollOuts",
    "StudentSignal",
]
