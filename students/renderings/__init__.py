"""Renderings: how a lesson becomes training sequences."""

from students.renderings.answer_groups import AnswerGroups
from students.renderings.answer_only import AnswerOnly
from students.renderings.base import Example, Exercise, Rendered, Rendering, render_all
from students.renderings.composed import Composed
from students.renderings.contrasts import MISMATCHED, Contrasts
from students.renderings.critique import Critique
from students.renderings.hinted import Hinted
from students.renderings.pairs import CHOSEN, REJECTED, Pairs
from students.renderings.preview import Span, preview
from students.renderings.rationale_prefix import RationalePrefix
from students.renderings.rationale_then_answer import RationaleThenAnswer
from students.renderings.scored import ClassifiedQuestions, ScoredTexts
from students.renderings.two_task import TwoTask
from students.renderings.views import Views

__all__ = [
    "CHOSEN",
    "MISMATCHED",
    "REJECTED",
    "AnswerGroups",
    "AnswerOnly",
    "ClassifiedQuestions",
    "Composed",
    "Contrasts",
    "Critique",
    "Example",
    "Exercise",
    "Hinted",
    "Pairs",
    "RationalePrefix",
    "RationaleThenAnswer",
    "Rendered",
    "Rendering",
    "ScoredTexts",
    "Span",
    "TwoTask",
    "Views",
    "preview",
    "render_all",
]
