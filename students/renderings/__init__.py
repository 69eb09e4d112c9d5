"""Renderings: how a lesson becomes training sequences."""

from students.renderings.answer_only import AnswerOnly
from students.renderings.base import Example, Exercise, Rendered, Rendering, render_all
from students.renderings.critique import Critique
from students.renderings.preview import Span, preview
from students.renderings.rationale_then_answer import RationaleThenAnswer
from students.renderings.two_task import TwoTask

__all__ = [
    "AnswerOnly",
    "Critique",
    "Example",
    "Exercise",
    "RationaleThenAnswer",
    "Rendered",
    "Rendering",
    "Span",
    "TwoTask",
    "preview",
    "render_all",
]
