"""How long a part of a lesson is."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curricula.signals.base import Column, Scores, Signal
from lessons.errors import ConfigError
from lessons.lesson_set import ABSENT, LessonSet

__all__ = ["Length"]


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
        counts = pc.utf8_length(texts) if self.unit == "characters" else pc.count_substring_regex(texts, r"\S+")
        return np.asarray(counts.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


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
