"""Where prompts come from."""

from __future__ import annotations

from lessons.sources.arithmetic import ArithmeticSource
from lessons.sources.base import PromptSource
from lessons.sources.columns import ColumnMap
from lessons.sources.csv import CSVSource
from lessons.sources.hub import HubSource
from lessons.sources.jsonl import JSONLSource
from lessons.sources.parquet import ParquetSource
from lessons.sources.reasoning import ReasoningGymSource
from lessons.sources.unique import unique

__all__ = [
    "ArithmeticSource",
    "CSVSource",
    "ColumnMap",
    "HubSource",
    "JSONLSource",
    "ParquetSource",
    "PromptSource",
    "ReasoningGymSource",
    "unique",
]
