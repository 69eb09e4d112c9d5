"""Signals: one number per lesson, with provenance."""

from __future__ import annotations

from curricula.signals.base import Column, Signal
from curricula.signals.given import Given
from curricula.signals.length import Length
from curricula.signals.teacher_label import TeacherLabel

__all__ = ["Column", "Given", "Length", "Signal", "TeacherLabel"]
