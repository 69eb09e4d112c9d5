"""What all floors share: records and their tables, sources of prompts, graders, report cards, errors."""

from __future__ import annotations

from lessons.answers import final_answer, split_answer
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
from lessons.lesson_set import LessonSet
from lessons.model_files import ModelFiles, resolve
from lessons.records import Annotation, Attempt, Grade, Lesson, Message, Prompt, Provenance, Role
from lessons.report_card import Cell, Interval, ReportCard, wilson
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
    "CSVSource",
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
    "Lesson",
    "LessonSet",
    "MathGrader",
    "Message",
    "ModelFiles",
    "NumberGrader",
    "ParquetSource",
    "PatternGrader",
    "Prompt",
    "PromptSource",
    "Provenance",
    "ReasoningGymSource",
    "ReasoningTaskGrader",
    "ReportCard",
    "Role",
    "final_answer",
    "resolve",
    "split_answer",
    "unique",
    "wilson",
]
