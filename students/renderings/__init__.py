"""Renderings: how a lesson becomes training sequences."""

from students.renderings.all_lessons import Rendered, render_all
from students.renderings.answer_groups import AnswerGroups
from students.renderings.answer_only import AnswerOnly
from students.renderings.answer_then_rationale import AnswerThenRationale
from students.renderings.base import Example, Exercise, Rendering
from students.renderings.composed import Composed
from students.renderings.contrasts import MISMATCHED, Contrasts
from students.renderings.critique import Critique
from students.renderings.critique_and_revision import CritiqueAndRevision
from students.renderings.guidance import FollowGuidance, WriteGuidance
from students.renderings.hinted import Hinted
from students.renderings.marked import Marked
from students.renderings.pairs import CHOSEN, REJECTED, Pairs
from students.renderings.preview import Span, preview
from students.renderings.question_only import QuestionOnly
from students.renderings.rationale_prefix import RationalePrefix
from students.renderings.rationale_then_answer import RationaleThenAnswer
from students.renderings.reflection import Reflection
from students.renderings.scored import ClassifiedQuestions, ScoredTexts
from students.renderings.self_correction import SelfCorrection
from students.renderings.system_erased import SystemErased
from students.renderings.tagged import Tagged
from students.renderings.together import Together
from students.renderings.two_task import TwoTask
from students.renderings.views import Views

__all__ = [
    "CHOSEN",
    "MISMATCHED",
    "REJECTED",
    "AnswerGroups",
    "AnswerOnly",
    "AnswerThenRationale",
    "ClassifiedQuestions",
    "Composed",
    "Contrasts",
    "Critique",
    "CritiqueAndRevision",
    "Example",
    "Exercise",
    "FollowGuidance",
    "Hinted",
    "Marked",
    "Pairs",
    "QuestionOnly",
    "RationalePrefix",
    "RationaleThenAnswer",
    "Reflection",
    "Rendered",
    "Rendering",
    "ScoredTexts",
    "SelfCorrection",
    "Span",
    "SystemErased",
    "Tagged",
    "Together",
    "TwoTask",
    "Views",
    "WriteGuidance",
    "preview",
    "render_all",
]
