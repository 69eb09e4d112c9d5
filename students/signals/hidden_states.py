"""Vectors of lessons from a student's own hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curricula.signals.embedding import Embedding, Vectors
from curricula.signals.texts import lesson_texts
from lessons.lesson_set import LessonSet
from students.reading import padded, read_states
from students.scoring import Scoring, batches
from students.student import Student

if TYPE_CHECKING:
    from students.heavy_types import torch

__all__ = ["HiddenStates"]

TEXTS_AT_ONCE = 4096


class HiddenStates(Embedding):
    """The mean over a text's tokens of the student's last hidden states, scaled to length 1.

    An encoder model serves as well as the student itself: give it as students.Pretrained. Of a sequence-to-sequence
    model the encoder reads. A lesson without the text gets zeros, and so does one whose text is longer than the model
    allows.

    Args:
        student: Whose hidden states.
        of: "question", "reference", or a kind of annotation such as "rationale".
        scoring: Sizes of the batches.
    """

    def __init__(self, student: Student, of: str = "question", scoring: Scoring | None = None) -> None:
        self.student = student
        self.of = of
        self.scoring = scoring

    def embed(self, lessons: LessonSet, positions: npt.NDArray[np.int64]) -> Vectors:
        """Read the texts in batches, sorted by length."""
        scoring = self.scoring or Scoring()
        scoring.check()
        if not self.student.built:
            self.student.place()
        texts = iter(lesson_texts(lessons, self.of).take(pa.array(positions)).fill_null("").to_pylist())
        was_training = self.student.model.training
        self.student.model.train(False)
        try:
            blocks = []
            while block := list(islice(texts, TEXTS_AT_ONCE)):
                blocks.append(self.embed_block(block, scoring))
        finally:
            self.student.model.train(was_training)
        found: Vectors = np.concatenate(blocks) if blocks else np.empty((0, 0), np.float32)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        unit: Vectors = np.divide(found, lengths, out=np.zeros_like(found), where=lengths > 0)
        return unit

    def embed_block(self, texts: Sequence[str], scoring: Scoring) -> Vectors:
        """Return the mean hidden state of each text, float32 [texts, features]."""
        ids = self.student.encoder.tokenize(list(texts))
        limit = min(scoring.max_tokens or 2**62, self.student.context_length or 2**62)
        order = sorted((k for k in range(len(ids)) if 0 < len(ids[k]) <= limit), key=lambda k: -len(ids[k]))
        found = np.zeros((len(ids), self.student.base_model.config.hidden_size), np.float32)
        for run in batches([len(ids[k]) for k in order], scoring.tokens_per_batch):
            rows = [order[k] for k in run]
            found[rows] = mean_states(self.student, [ids[k] for k in rows]).float().cpu().numpy()
        return found


def mean_states(student: Student, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return the mean last hidden state over each row's tokens, [rows, features]."""
    input_ids, real = padded(rows, student.device)
    states = read_states(student, input_ids, real)
    return (states * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
