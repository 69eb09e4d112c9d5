"""Teachers: backends that speak to models, annotators that ask them, and the ledger of every call ever paid for."""

from __future__ import annotations

from teachers.annotators import Annotator, CritiqueAnnotator, DifficultyAnnotator, RationaleAnnotator
from teachers.backend import Completion, Request, Sampling, TeacherBackend
from teachers.budget import Budget
from teachers.caller import Caller, Limits, Reply
from teachers.distillation import DistillSummary, distill
from teachers.ledger import Ledger
from teachers.pricing import Price
from teachers.progress import Progress
from teachers.scripted_backend import ScriptedBackend

__all__ = [
    "Annotator",
    "Budget",
    "Caller",
    "Completion",
    "CritiqueAnnotator",
    "DifficultyAnnotator",
    "DistillSummary",
    "Ledger",
    "Limits",
    "Price",
    "Progress",
    "RationaleAnnotator",
    "Reply",
    "Request",
    "Sampling",
    "ScriptedBackend",
    "TeacherBackend",
    "distill",
]
