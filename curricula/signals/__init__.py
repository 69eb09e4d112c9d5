"""Signals: one number per lesson, with provenance."""

from __future__ import annotations

from curricula.signals.base import Column, Signal
from curricula.signals.category import Category
from curricula.signals.clusters import Clusters
from curricula.signals.code_complexity import CodeComplexity
from curricula.signals.embedding import Embedding, WordVectors
from curricula.signals.equation_list import EquationList
from curricula.signals.given import Given
from curricula.signals.history import History
from curricula.signals.length import Length
from curricula.signals.likely_hard import LikelyHard
from curricula.signals.neighbour_agreement import NeighbourAgreement
from curricula.signals.rarity import Rarity
from curricula.signals.readability import Readability
from curricula.signals.steps import Steps
from curricula.signals.teacher_label import TeacherLabel
from curricula.signals.text_proxy import TextProxy
from curricula.signals.tries import Tries

__all__ = [
    "Category", "Clusters", "CodeComplexity", "Column", "Embedding", "EquationList", "Given", "History", "Length",
    "LikelyHard", "NeighbourAgreement", "Rarity", "Readability", "Signal", "Steps", "TeacherLabel", "TextProxy",
    "Tries", "WordVectors",
]  # fmt: skip
