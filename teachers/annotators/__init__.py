"""Annotators: each asks a teacher for one kind of annotation, with a versioned template and a strict parser."""

from __future__ import annotations

from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.annotators.critique import CritiqueAnnotator
from teachers.annotators.difficulty import DifficultyAnnotator
from teachers.annotators.rationale import RationaleAnnotator
from teachers.annotators.template import Template

__all__ = [
    "Annotator",
    "Asking",
    "CritiqueAnnotator",
    "DifficultyAnnotator",
    "Fields",
    "ParseProblem",
    "RationaleAnnotator",
    "Template",
]
