"""What all floors share: records and their tables, sources of prompts, graders, report cards, errors."""

from __future__ import annotations

from lessons.answers import final_answer, join_answer, split_answer
from lessons.graders import (
    ChoiceGrader,
    ExactGrader,
    Grader,
    JSONGrader,
    MathGrader,
    NumberGrader,
    PatternGrader,
    ReasoningTaskGrader,
)
from lessons.intervals import Interval, wilson
from lessons.lesson_set import LessonSet
from lessons.model_files import ModelFiles, resolve
from lessons.pairings import (
    BestAgainstWorst,
    Candidate,
    JudgedPair,
    KindAgainstKind,
    Pair,
    Pairing,
    RevisedAgainstAttempt,
    RightAgainstWrong,
)
from lessons.records import Annotation, Attempt, Grade, Lesson, Message, Prompt, Provenance, Role
from lessons.report_card import Cell, ReportCard
from lessons.sources import (
    ArithmeticSource,
    ColumnMap,
    CSVSource,
    HubSource,
    JSONLSource,
    ParquetSource,
    PromptSource,
    ReasoningGymSource,
    unique,
)

__all__ = [
    "Annotation",
    "ArithmeticSource",
    "Attempt",
    "BestAgainstWorst",
    "CSVSource",
    "Candidate",
    "Cell",
    "ChoiceGrader",
    "ColumnMap",
    "ExactGrader",
    "Grade",
    "Grader",
    "HubSource",
    "Interval",
    "JSONGrader",
    "JSONLSource",
    "JudgedPair",
    "KindAgainstKind",
    "Lesson",
    "LessonSet",
    "MathGrader",
    "Message",
    "ModelFiles",
    "NumberGrader",
    "Pair",
    "Pairing",
    "ParquetSource",
    "PatternGrader",
    "Prompt",
    "PromptSource",
    "Provenance",
    "ReasoningGymSource",
    "ReasoningTaskGrader",
    "ReportCard",
    "RevisedAgainstAttempt",
    "RightAgainstWrong",
    "Role",
    "final_answer",
    "join_answer",
    "resolve",
    "split_answer",
    "unique",
    "wilson",
]
