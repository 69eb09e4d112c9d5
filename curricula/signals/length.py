"""How long a part of a lesson is."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curricula.arrays import Scores
from curricula.signals.base import Column, Signal
from lessons.errors import ConfigError
from lessons.joining import ABSENT
from lessons.lesson_set import LessonSet

__all__ = ["Length"]

TEXTS_PER_BLOCK = 50_000


class Length(Signal):
    """How long a part of the lesson is. The column is called for example "question_characters".

    Args:
        of: "question" (the last user message), "reference" (the right answer), or a kind of annotation such as
            "rationale".
        unit: What is counted. Characters suit any language; words are runs between white space.
    """

    def __init__(self, of: str = "question", unit: Literal["characters", "words"] = "characters") -> None:
        self.of = of
        self.unit = unit

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.of}_{self.unit}"

    def compute(self, lessons: LessonSet) -> Column:
        """Count; a lesson without that part misses the value."""
        if self.unit not in ("characters", "words"):
            raise ConfigError(
                f"Length cannot count {self.unit!r}; allowed are 'characters' and 'words'. Correct its `unit`."
            )
        if self.of == "question":
            values = self.count(last_contents(lessons.prompts["messages"]))[lessons.prompt_rows]
            source = "the last user message"
        elif self.of == "reference":
            values = self.count(lessons.prompts["reference"])[lessons.prompt_rows]
            source = "the reference answer"
        else:
            rows = lessons.annotation_rows.get(self.of, np.full(len(lessons), ABSENT))
            values = self.count(lessons.annotations["text"].take(pa.array(rows, mask=rows == ABSENT)))
            found = ", ".join(sorted(lessons.annotation_rows)) or "none"
            source = f"the text of the annotations of kind {self.of!r} (kinds there are: {found})"
        return Column(values, self.unit, {"source": source})

    def count(self, texts: pa.ChunkedArray | pa.Array) -> Scores:
        """Return the length of each text; NaN for null."""
        counts = pc.utf8_length(texts) if self.unit == "characters" else count_words(texts)
        return np.asarray(counts.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def count_words(texts: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """Count the runs of characters between white space in each text; null for null.

    >>> count_words(pa.array(["two words", " ", None])).to_pylist()
    [2, 0, None]
    """
    whole = texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])
    counts = []
    for chunk in whole.chunks:
        for start in range(0, len(chunk), TEXTS_PER_BLOCK):  # the words of all texts at once would be twice their size
            trimmed = pc.utf8_trim_whitespace(chunk.slice(start, TEXTS_PER_BLOCK))
            words = pc.list_value_length(pc.utf8_split_whitespace(trimmed))
            counts.append(pc.if_else(pc.equal(pc.binary_length(trimmed), 0), 0, words).cast(pa.int64()))
    return pa.chunked_array(counts, pa.int64())


def last_contents(conversations: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the content of each conversation's last message.

    >>> from lessons.tables import PROMPT_SCHEMA
    >>> rows = [[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]]
    >>> last_contents(pa.chunked_array([rows], PROMPT_SCHEMA.field("messages").type)).to_pylist()
    ['Why?']
    """
    chunks = []
    for chunk in conversations.chunks:
        contents = chunk.values.field("content")
        chunks.append(contents.take(pa.array(chunk.offsets.to_numpy()[1:] - 1)))
    return pa.chunked_array(chunks, pa.string())
