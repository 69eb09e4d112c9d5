"""How much there is in a lesson, by the student's own representation of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from curricula.arrays import Scores
from lessons.errors import ConfigError, RenderingError
from lessons.lesson_set import LessonSet
from students.reading import padded, read_states
from students.renderings import Rendering
from students.scoring import Scoring, batches
from students.signals.base import StudentSignal, per_lesson
from students.student import Student

if TYPE_CHECKING:
    from students.heavy_types import torch

__all__ = ["NuclearNorm"]

SEQUENCES_AT_ONCE = 4096


class NuclearNorm(StudentSignal):
    """||H||_*, the sum of the singular values of a lesson's token representations H, [tokens, features].

    Large where the tokens take many directions: a difficulty after SPDCL (2022, arXiv:2210.14724 unchecked). Which
    representation, and what it is divided by, could not be checked and is our reading: "embeddings" are the words
    without their context, a difficulty of the text; "states" are the student's last hidden states, a difficulty for
    this student (of a sequence-to-sequence model those of its encoder, which here reads the answer too). A lesson of
    several exercises takes the sum over them; one that the rendering cannot show, or too long for the model, misses the
    value.

    Args:
        student: Whose representations.
        rendering: What a lesson asks and teaches: question and answer are read together.
        of: "states" or "embeddings".
        per_token: Divide by the number of tokens, so that long lessons are not harder for their length alone.
        column: Name of the column.
        scoring: Sizes of the batches.
    """

    def __init__(
        self,
        student: Student,
        rendering: Rendering,
        of: Literal["states", "embeddings"] = "states",
        per_token: bool = False,
        column: str = "nuclear_norm",
        scoring: Scoring | None = None,
    ) -> None:
        super().__init__(student, rendering, column, scoring)
        self.of = of
        self.per_token = per_token

    def values(self, lessons: LessonSet) -> Scores:
        """Read every lesson once."""
        if self.of not in ("states", "embeddings"):
            raise ConfigError(f"NuclearNorm got of={self.of!r}; allowed are 'states' and 'embeddings'. Correct `of`.")
        scoring = self.scoring or Scoring()
        scoring.check()
        if not self.student.built:
            self.student.place()
        was_training = self.student.model.training
        self.student.model.train(False)
        owners: list[int] = []
        norms, tokens = [np.empty(0)], [np.empty(0)]
        try:
            waiting = self.sequences(lessons)
            while block := list(islice(waiting, SEQUENCES_AT_ONCE)):
                owners += [owner for owner, _ in block]
                norms.append(self.block_norms([ids for _, ids in block], scoring))
                tokens.append(np.array([float(len(ids)) for _, ids in block]))
        finally:
            self.student.model.train(was_training)
        lesson = np.array(owners, np.int64)
        found = per_lesson(np.concatenate(norms), lesson, len(lessons))
        return found / per_lesson(np.concatenate(tokens), lesson, len(lessons)) if self.per_token else found

    def sequences(self, lessons: LessonSet) -> Iterator[tuple[int, list[int]]]:
        """Yield each lesson's number and the tokens of each of its exercises, question and answer."""
        for number, lesson in enumerate(lessons):
            try:
                exercises = self.rendering.exercises(lesson)
            except RenderingError:
                continue
            for ids in self.student.encoder.encode([(e.messages, e.answer) for e in exercises]):
                yield number, ids.prompt_ids + ids.completion_ids

    def block_norms(self, rows: Sequence[Sequence[int]], scoring: Scoring) -> Scores:
        """Return the norm of each row's representation, float64 [rows]; NaN for one that is too long."""
        limit = min(scoring.max_tokens or 2**62, self.student.context_length or 2**62)
        order = sorted((k for k in range(len(rows)) if len(rows[k]) <= limit), key=lambda k: -len(rows[k]))
        found = np.full(len(rows), np.nan)
        for run in batches([len(rows[k]) for k in order], scoring.tokens_per_batch):
            chosen = [order[k] for k in run]
            found[chosen] = self.batch_norms([rows[k] for k in chosen])
        return found

    def batch_norms(self, rows: Sequence[Sequence[int]]) -> Scores:
        """Return the norm of each row's representation, all read in one batch, float64 [rows]."""
        import torch

        input_ids, real = padded(rows, self.student.device)
        with torch.no_grad():
            found = self.represent(input_ids, real)
            wide = found if found.dtype in (torch.float32, torch.float64) else found.float()
            norms = [torch.linalg.svdvals(read[: len(row)]).sum() for read, row in zip(wide, rows, strict=True)]
        return torch.stack(norms).double().cpu().numpy()

    def represent(self, input_ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Return the representation of right-padded tokens, [rows, time, features]."""
        if self.of == "states":
            return read_states(self.student, input_ids, real)
        embedded: torch.Tensor = self.student.base_model.get_input_embeddings()(input_ids)
        return embedded
