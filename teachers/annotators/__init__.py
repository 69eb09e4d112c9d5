"""Annotators: each asks a teacher for one kind of annotation, with a versioned template and a strict parser."""

from __future__ import annotations

from teachers.annotators.answer import AnswerAnnotator
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.annotators.bloom import BloomAnnotator
from teachers.annotators.by import By
from teachers.annotators.candidate_choice import CandidateChoiceAnnotator
from teachers.annotators.critique import CritiqueAnnotator
from teachers.annotators.dialogue import DialogueAnnotator
from teachers.annotators.difficulty import DifficultyAnnotator
from teachers.annotators.explanation import ExplanationAnnotator
from teachers.annotators.feedback_prediction import FeedbackPredictionAnnotator
from teachers.annotators.grade_level import GradeLevelAnnotator
from teachers.annotators.guidance import GuidanceAnnotator
from teachers.annotators.hint import HintAnnotator
from teachers.annotators.judge import JudgeAnnotator
from teachers.annotators.merged_critique import MergedCritiqueAnnotator
from teachers.annotators.new_prompts import NewPromptsAnnotator
from teachers.annotators.pair_judge import PairJudgeAnnotator
from teachers.annotators.pairwise_difficulty import PairwiseDifficultyAnnotator
from teachers.annotators.principles import PrinciplesAnnotator
from teachers.annotators.privileged_feedback import PrivilegedFeedbackAnnotator
from teachers.annotators.quality import QualityAnnotator
from teachers.annotators.rationale import RationaleAnnotator
from teachers.annotators.reflection import ReflectionAnnotator
from teachers.annotators.revision import RevisionAnnotator
from teachers.annotators.rubric import RubricAnnotator
from teachers.annotators.rubric_grade import RubricGradeAnnotator
from teachers.annotators.skills import SkillsAnnotator
from teachers.annotators.step_verdicts import StepVerdictsAnnotator
from teachers.annotators.steps import StepsAnnotator
from teachers.annotators.strategy import StrategyAnnotator
from teachers.annotators.task_type import TaskTypeAnnotator
from teachers.annotators.template import Template

__all__ = [
    "Annotator",
    "AnswerAnnotator",
    "Asking",
    "BloomAnnotator",
    "By",
    "CandidateChoiceAnnotator",
    "CritiqueAnnotator",
    "DialogueAnnotator",
    "DifficultyAnnotator",
    "ExplanationAnnotator",
    "FeedbackPredictionAnnotator",
    "Fields",
    "GradeLevelAnnotator",
    "GuidanceAnnotator",
    "HintAnnotator",
    "JudgeAnnotator",
    "MergedCritiqueAnnotator",
    "NewPromptsAnnotator",
    "PairJudgeAnnotator",
    "PairwiseDifficultyAnnotator",
    "ParseProblem",
    "PrinciplesAnnotator",
    "PrivilegedFeedbackAnnotator",
    "QualityAnnotator",
    "RationaleAnnotator",
    "ReflectionAnnotator",
    "RevisionAnnotator",
    "RubricAnnotator",
    "RubricGradeAnnotator",
    "SkillsAnnotator",
    "StepVerdictsAnnotator",
    "StepsAnnotator",
    "StrategyAnnotator",
    "TaskTypeAnnotator",
    "Template",
]
