"""A plan shown to people: its picture, its facts, why a lesson is where it is, how far its signals can be trusted."""

from __future__ import annotations

from curricula.display.basics import with_basics
from curricula.display.explanation import explain
from curricula.display.picture import draw
from curricula.display.reliability import reliability
from curricula.display.summary import summarise

__all__ = ["draw", "explain", "reliability", "summarise", "with_basics"]
