"""Signals: one number per lesson, with provenance."""

from __future__ import annotations

from curricula.signals.base import Column, Signal
from curricula.signals.category import Category
from curricula.signals.clusters import Clusters
from curricula.signals.embedding import Embedding, WordVectors
from curricula.signals.given import Given
from curricula.signals.length import Length
from curricula.signals.teacher_label import TeacherLabel
from curricula.signals.tries import Tries

__all__ = [
    "Category", "Clusters", "Column", "Embedding", "Given", "Length", "Signal", "TeacherLabel", "Tries", "WordVectors",
]  # fmt: skip
