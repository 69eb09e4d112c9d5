from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from curricula.pool import Pool
from curricula.signal_table import SignalTable
from curricula.signals.base import Column, Signal
from curricula.signals.embedding import Embedding
from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Message, Prompt, Provenance
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_to_row, prompt_to_row

MakeLessons = Callable[..., LessonSet]


class Numbers(Signal):
    """A signal whose values a test writes down."""

    def __init__(self, values: Sequence[float | None], called: str = "numbers", labels: Sequence[str] = ()) -> None:
        self.values = values
        self.called = called
        self.labels = labels

    @property
    def name(self) -> str:
        return self.called

    def compute(self, lessons: LessonSet) -> Column:
        values = np.array([np.nan if value is None else value for value in self.values], np.float64)
        return Column(values, labels=tuple(self.labels))


MakePool = Callable[..., Pool]


def rated_prompts(
    labels: Sequence[float | None], metadata: Sequence[dict[str, Any]] | None = None
) -> tuple[list[Prompt], list[Annotation]]:
    """Prompts p0, p1 ... with a rationale each, and a difficulty label where there is one."""
    prompts, annotations = [], []
    for k, label in enumerate(labels):
        messages = (Message("system", "Answer briefly."), Message("user", f"What is {k} plus {k}?"))
        details = metadata[k] if metadata else {}
        prompts.append(Prompt(f"p{k}", messages, reference=str(2 * k), difficulty=label, metadata=details))
        source = Provenance("ScriptedBackend", "program-1", "rationale/1", f"key-{k}")
        annotations.append(Annotation(f"p{k}", "rationale", 0, f"Twice {k} is {2 * k}.", source, answer=str(2 * k)))
        if label is not None:
            source = Provenance("ScriptedBackend", "program-2", "difficulty/1", f"key-{k}-d")
            annotations.append(Annotation(f"p{k}", "difficulty", 0, "rated", source, value=label))
    return prompts, annotations


@pytest.fixture(scope="session")
def make_records() -> Callable[..., tuple[list[Prompt], list[Annotation]]]:
    """Return a function from difficulty labels to prompts and annotations."""
    return rated_prompts


@pytest.fixture(scope="session")
def make_lessons() -> MakeLessons:
    """Return a function from difficulty labels (None: unlabelled) to lessons with rationales."""

    def make(labels: Sequence[float | None], metadata: Sequence[dict[str, Any]] | None = None) -> LessonSet:
        prompts, annotations = rated_prompts(labels, metadata)
        return LessonSet.join(
            pa.Table.from_pylist(list(map(prompt_to_row, prompts)), PROMPT_SCHEMA),
            pa.Table.from_pylist(list(map(annotation_to_row, annotations)), ANNOTATION_SCHEMA),
            "rationale",
        )

    return make


@pytest.fixture(scope="session")
def make_pool(make_lessons: MakeLessons) -> MakePool:
    """Return a function from columns (numbers with None for missing, or names of categories) to a pool."""

    @functools.cache
    def equal_lessons(count: int) -> LessonSet:
        return make_lessons([0.5] * count)

    def column(values: Sequence[float | str | None]) -> Column:
        if any(isinstance(value, str) for value in values):
            labels = sorted({str(value) for value in values if value is not None})
            codes = [np.nan if value is None else labels.index(str(value)) for value in values]
            return Column(np.array(codes, np.float64), labels=tuple(labels))
        return Column(np.array([np.nan if value is None else value for value in values], np.float64))

    def make(**columns: Sequence[float | str | None]) -> Pool:
        lessons = equal_lessons(len(next(iter(columns.values()))))
        made = {name: column(values) for name, values in columns.items()}
        return Pool.whole(lessons, SignalTable(lessons.ids, made, lessons.fingerprint))

    return make


@pytest.fixture(scope="session")
def numbers() -> type[Signal]:
    """Return the class of signals whose values a test writes down."""
    return Numbers


@pytest.fixture(scope="session")
def values_of(make_lessons: MakeLessons) -> Callable[[Signal], list[float]]:
    """Return a function from a signal of signals to its values."""

    def compute(signal: Signal) -> list[float]:
        part: Any = signal
        while not isinstance(part, Numbers):
            part = next(getattr(part, name) for name in ("signals", "signal", "rate", "target") if hasattr(part, name))
            part = part[0] if isinstance(part, list) else part
        return signal.measure(make_lessons([0.5] * len(part.values))).values.tolist()

    return compute


class DrawnVectors(Embedding):
    """Vectors that a test writes down; it notes which were asked for."""

    def __init__(self, vectors: np.ndarray[Any, Any]) -> None:
        self.vectors = np.asarray(vectors, np.float64).tolist()
        self.asked: list[list[int]] = []

    def embed(self, lessons: LessonSet, positions: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.asked.append(positions.tolist())
        return np.array(self.vectors, np.float32)[positions]


@pytest.fixture(scope="session")
def drawn_vectors() -> type[Embedding]:
    """Return the class of embeddings whose vectors a test writes down."""
    return DrawnVectors
