"""Curricula: signals, orderings, and the plan that comes of them. Knows only lessons; imports no torch."""

from __future__ import annotations

from curricula.curriculum import Curriculum
from curricula.next_prompts import NextPrompts, RandomPrompts, WeakTopics
from curricula.orderings import Blurred, EasyFirst, HardFirst, Ordering, Shuffled, Tiers
from curricula.picture import draw
from curricula.planning import Plan, plan
from curricula.signal_table import SignalTable, measure, read_signals, write_signals
from curricula.signals import Column, Given, Length, Signal, TeacherLabel
from curricula.summary import explain, summarise

__all__ = [
    "Blurred",
    "Column",
    "Curriculum",
    "EasyFirst",
    "Given",
    "HardFirst",
    "Length",
    "NextPrompts",
    "Ordering",
    "Plan",
    "RandomPrompts",
    "Shuffled",
    "Signal",
    "SignalTable",
    "TeacherLabel",
    "Tiers",
    "WeakTopics",
    "draw",
    "explain",
    "measure",
    "plan",
    "read_signals",
    "summarise",
    "write_signals",
]
