from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from curricula.pool import Pool
from curricula.signal_table import SignalTable
from lessons.lesson_set import LessonSet
from lessons.records import Message, Prompt
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, prompt_to_row
from lessons.tables import write_prompts


def asked(texts: Sequence[str]) -> list[Prompt]:
    return [Prompt(f"p{k}", (Message("user", text),), reference="yes") for k, text in enumerate(texts)]


@pytest.fixture(scope="session")
def questions() -> Callable[[Sequence[str]], Pool]:
    """Return a function from questions to a pool of bare prompts."""

    def make(texts: Sequence[str]) -> Pool:
        table = pa.Table.from_pylist([prompt_to_row(prompt) for prompt in asked(texts)], PROMPT_SCHEMA)
        lessons = LessonSet.join(table, ANNOTATION_SCHEMA.empty_table())
        return Pool.whole(lessons, SignalTable(lessons.ids, {}, lessons.fingerprint))

    return make


@pytest.fixture
def exam(tmp_path: Path) -> Callable[[Sequence[str]], str]:
    """Return a function from questions to the path of an exam's prompts."""

    def write(texts: Sequence[str]) -> str:
        path = tmp_path / "exam.parquet"
        write_prompts(path, asked(texts))
        return str(path)

    return write
