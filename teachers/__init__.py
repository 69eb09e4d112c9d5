"""Teachers: backends that speak to models, annotators that ask them, and the ledger of every call ever paid for."""

from __future__ import annotations

from teachers.annotators import (
    Annotator,
    AnswerAnnotator,
    BloomAnnotator,
    By,
    CandidateChoiceAnnotator,
    CritiqueAnnotator,
    DialogueAnnotator,
    DifficultyAnnotator,
    ExplanationAnnotator,
    FeedbackPredictionAnnotator,
    GradeLevelAnnotator,
    GuidanceAnnotator,
    HintAnnotator,
    JudgeAnnotator,
    MergedCritiqueAnnotator,
    NewPromptsAnnotator,
    PairJudgeAnnotator,
    PairwiseDifficultyAnnotator,
    PrinciplesAnnotator,
    PrivilegedFeedbackAnnotator,
    QualityAnnotator,
    RationaleAnnotator,
    ReflectionAnnotator,
    RevisionAnnotator,
    RubricAnnotator,
    RubricGradeAnnotator,
    SkillsAnnotator,
    StepsAnnotator,
    StepVerdictsAnnotator,
    StrategyAnnotator,
    TaskTypeAnnotator,
)
from teachers.backend import Completion, Request, Sampling, TeacherBackend
from teachers.batches.batching import Batches
from teachers.calls.budget import Budget
from teachers.calls.caller import Caller, Reply
from teachers.calls.limits import Limits
from teachers.calls.pricing import Price
from teachers.critics.critic_exam import examine_critic
from teachers.critics.critic_report import CriticReport
from teachers.critics.exam_settings import CriticExam
from teachers.distillation import DistillSummary, distill
from teachers.hosted.anthropic_backend import AnthropicBackend
from teachers.hosted.openai_backend import OpenAIBackend
from teachers.ledger.ledger import Ledger
from teachers.local.transformers_backend import TransformersBackend
from teachers.new_prompts import AnnotatedPrompts
from teachers.pool.pool_backend import PoolBackend
from teachers.pool.pool_member import PoolMember
from teachers.progress import Progress
from teachers.recordings import RecordedAnnotations, RecordedColumns
from teachers.replay_backend import ReplayBackend
from teachers.scripted_backend import ScriptedBackend

__all__ = [
    "AnnotatedPrompts",
    "Annotator",
    "AnswerAnnotator",
    "AnthropicBackend",
    "Batches",
    "BloomAnnotator",
    "Budget",
    "By",
    "Caller",
    "CandidateChoiceAnnotator",
    "Completion",
    "CriticExam",
    "CriticReport",
    "CritiqueAnnotator",
    "DialogueAnnotator",
    "DifficultyAnnotator",
    "DistillSummary",
    "ExplanationAnnotator",
    "FeedbackPredictionAnnotator",
    "GradeLevelAnnotator",
    "GuidanceAnnotator",
    "HintAnnotator",
    "JudgeAnnotator",
    "Ledger",
    "Limits",
    "MergedCritiqueAnnotator",
    "NewPromptsAnnotator",
    "OpenAIBackend",
    "PairJudgeAnnotator",
    "PairwiseDifficultyAnnotator",
    "PoolBackend",
    "PoolMember",
    "Price",
    "PrinciplesAnnotator",
    "PrivilegedFeedbackAnnotator",
    "Progress",
    "QualityAnnotator",
    "RationaleAnnotator",
    "RecordedAnnotations",
    "RecordedColumns",
    "ReflectionAnnotator",
    "ReplayBackend",
    "Reply",
    "Request",
    "RevisionAnnotator",
    "RubricAnnotator",
    "RubricGradeAnnotator",
    "Sampling",
    "ScriptedBackend",
    "SkillsAnnotator",
    "StepVerdictsAnnotator",
    "StepsAnnotator",
    "StrategyAnnotator",
    "TaskTypeAnnotator",
    "TeacherBackend",
    "TransformersBackend",
    "distill",
    "examine_critic",
]
