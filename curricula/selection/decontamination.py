"""No lesson that gives the exam away."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from curricula.pool import Pool
from curricula.selection.base import KEPT, Selection, Selector
from curricula.signals.length import last_contents
from curricula.signals.texts import lesson_texts
from lessons.errors import ConfigError
from lessons.tables import PROMPT_SCHEMA, read_table

__all__ = ["NotInExam", "word_sequences"]

WORD = re.compile(r"\w+")


class NotInExam(Selector):
    """Leaves out every lesson that shares a long sequence of words with a question of an exam.

    A question of the exam that is shorter than the sequence must occur as a whole. Case and punctuation do not count.

    Args:
        exam: The exam's prompts.parquet.
        words: Length of the sequence; 13 is usual for long texts, 8 finds more.
        of: Which parts of a lesson are searched: "question", "reference", or kinds of annotation.
        shortest: Questions of the exam with fewer words than this are not searched for: "What is 2 + 2?" is everywhere.
    """

    def __init__(self, exam: str, words: int = 13, of: list[str] | None = None, shortest: int = 5) -> None:
        self.exam = exam
        self.words = words
        self.of = of
        self.shortest = shortest

    def select(self, pool: Pool, generator: np.random.Generator) -> Selection:
        """Search."""
        if self.words < 1 or self.shortest < 1:
            raise ConfigError(
                f"NotInExam got words={self.words} and shortest={self.shortest}; both must be at least 1. Correct them."
            )
        questions = last_contents(read_table(self.exam, PROMPT_SCHEMA)["messages"]).to_pylist()
        long, short = self.sought(questions)
        reason = np.full(len(pool), KEPT, np.int16)
        parts = self.of or ["question"]
        for code, part in enumerate(parts):
            for place, text in enumerate(lesson_texts(pool.lessons, part, pool.rows).to_pylist()):
                if reason[place] == KEPT and text is not None and self.found(text, long, short):
                    reason[place] = code
        return Selection(reason, tuple(f"its {part} shares {self.words} words with the exam" for part in parts))

    def sought(self, questions: list[str]) -> tuple[set[str], dict[int, set[str]]]:
        """Return the sequences of long questions, and the short questions themselves by their length."""
        long: set[str] = set()
        short: dict[int, set[str]] = {}
        for question in questions:
            size = len(WORD.findall(question))
            if size >= self.words:
                long.update(word_sequences(question, self.words))
            elif size >= self.shortest:
                short.setdefault(size, set()).update(word_sequences(question, size))
        return long, short

    def found(self, text: str, long: set[str], short: dict[int, set[str]]) -> bool:
        """Return whether a text holds something sought."""
        if not long.isdisjoint(word_sequences(text, self.words)):
            return True
        return any(not sought.isdisjoint(word_sequences(text, size)) for size, sought in short.items())


def word_sequences(text: str, words: int) -> Iterator[str]:
    """Yield every sequence of so many words, in lower case, without punctuation.

    >>> list(word_sequences("What is 2+2?", 3))
    ['what is 2', 'is 2 2']
    """
    parts = WORD.findall(text.lower())
    return (" ".join(parts[k : k + words]) for k in range(len(parts) - words + 1))
