"""Callbacks: checkpoints, random states, progress, the batch log and the export of the student."""

from lightning_modules.callbacks.batch_log import BatchLog
from lightning_modules.callbacks.checkpoint import UpdateCheckpoint
from lightning_modules.callbacks.export import StudentExport
from lightning_modules.callbacks.feedback import CurriculumFeedback
from lightning_modules.callbacks.figures import Figures
from lightning_modules.callbacks.progress import Progress, Totals
from lightning_modules.callbacks.random_state import RandomState
from lightning_modules.callbacks.run_folder import RunFolder
from lightning_modules.callbacks.run_lock import RunLock
from lightning_modules.callbacks.stops import StopOnGradientNorm, StopOnPlateau, StopOnTokens

__all__ = [
    "BatchLog",
    "CurriculumFeedback",
    "Figures",
    "Progress",
    "RandomState",
    "RunFolder",
    "RunLock",
    "StopOnGradientNorm",
    "StopOnPlateau",
    "StopOnTokens",
    "StudentExport",
    "Totals",
    "UpdateCheckpoint",
]
