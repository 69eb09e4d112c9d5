"""Graders: pure functions from an answer and its prompt to a mark."""

from __future__ import annotations

from lessons.graders.choice import ChoiceGrader
from lessons.graders.exact import ExactGrader
from lessons.graders.json import JSONGrader
from lessons.graders.mathematical import MathGrader
from lessons.graders.number import NumberGrader
from lessons.graders.pattern import PatternGrader
from lessons.graders.reasoning_task import ReasoningTaskGrader
from lessons.grading import Grader

__all__ = [
    "ChoiceGrader",
    "ExactGrader",
    "Grader",
    "JSONGrader",
    "MathGrader",
    "NumberGrader",
    "PatternGrader",
    "ReasoningTaskGrader",
]
