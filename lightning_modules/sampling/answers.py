"""What the student is asked during training, and what it answers: as token ids, from prompt to end-of-turn token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from students.student import Student

__all__ = ["Answer", "Asked", "texts"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer that an update wants."""

    sequence: int
    """Number of the training sequence whose prompt it is, an index into `RenderedLessons.starts`."""
    copy: int
    """0-based number among the answers that the whole update, over all ranks, wants to this prompt."""
    group: int
    """0-based number among the places that the lesson has in the update. All answers of one sequence and group are
    asked for by one process, one after the other; in which micro-batches they are trained their lengths decide."""
    prompt: npt.NDArray[np.int32]
    """Everything before the first supervised token of that sequence, [prompt tokens]."""
    lesson: int
    """Number of the rendered lesson, as in `Plan.sequence_lessons`."""
    lesson_id: str
    """Its id: of the prompt to grade against, and of the annotations it was made from."""
    part: int
    """The part of the loss that the sequence counts in."""
    factor: float
    """The weight that the curriculum gives the lesson."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was written."""

    asked: Asked
    """What was asked."""
    tokens: npt.NDArray[np.int32]
    """The tokens written, the one that ends the turn included; at least one, [tokens]."""
    truncated: bool
    """Whether it ran into the limit before its end: then no end-of-turn token is learnt from it."""
    update: int
    """The update whose student wrote it; below the one in training where it is replayed."""
    weight: float = 1.0
    """Multiplies every token's weight; an answer of weight 0 is left out. At least 0."""
    extras: Mapping[str, float] = field(default_factory=dict)
    """Numbers that a judge gave it, such as a reward; the same names for all."""
    log_probabilities: npt.NDArray[np.float64] | None = None
    """Log-probabilities of its tokens under the student that wrote it, by the training's own forward code, [tokens];
    None where nobody asked for them."""


def texts(student: Student, answers: Sequence[Answer]) -> list[str]:
    """Return the answers as text, without special tokens: what a grader reads."""
    ids = [answer.tokens.tolist() for answer in answers]
    return list(map(str, student.tokenizer.batch_decode(ids, skip_special_tokens=True))) if ids else []
