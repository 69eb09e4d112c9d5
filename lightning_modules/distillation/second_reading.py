"""Every training sequence once more, as a teacher with another tokenizer reads it, aligned with the student's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.data.collate import Weighted
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from students.alignment import align, locate
from students.encoder import Encoded, Encoder
from students.renderings import Exercise, Rendering
from students.spelling import Spelling

__all__ = ["SecondReading", "exercises_in_order"]

NONE = -1
AT_ONCE = 1000

Ints = npt.NDArray[np.int64]
Chunks = npt.NDArray[np.int32]


@dataclass(frozen=True)
class SecondReading(Companion):
    """The same conversations and answers by the teacher's tokenizer and chat template, 12 bytes a token.

    Supervised tokens belong to chunks (`students.alignment`); a chunk counts only if all the student's tokens in it are
    supervised. Chunks are numbered from 0 in every sequence.
    """

    chunks: Chunks
    """The chunk of each of the student's tokens, -1 for none, int32, beside `RenderedLessons.tokens`."""
    starts: Ints
    """Where each sequence begins in it, and where the last one ends, [sequences + 1]."""
    teacher_tokens: npt.NDArray[np.int32]
    """The teacher's token ids, one sequence after the other, prompts included."""
    teacher_chunks: Chunks
    """The chunk of each of them, -1 for none."""
    teacher_starts: Ints
    """Where each sequence begins in these two, and where the last one ends, [sequences + 1]."""

    @classmethod
    def of(
        cls, rendered: RenderedLessons, exercises: Iterable[Exercise], student: Encoder, teacher: Encoder
    ) -> SecondReading:
        """Read all sequences again.

        Args:
            rendered: The student's sequences.
            exercises: The text of each of them, in their order.
            student: Tokenizer and template that made them.
            teacher: The teacher's.

        Raises:
            ConfigError: The sequences are not what their text says.
            RenderingError: The teacher's template refuses a conversation.
        """
        spellings = Spelling.of(student.tokenizer), Spelling.of(teacher.tokenizer)
        chunks = np.full(len(rendered.tokens), NONE, np.int32)
        teacher_tokens, teacher_chunks = [], []
        number = 0
        waiting = iter(exercises)
        while some := list(islice(waiting, AT_ONCE)):
            pairs = [(exercise.messages, exercise.answer) for exercise in some]
            for exercise, mine, other in zip(some, student.encode(pairs), teacher.encode(pairs), strict=True):
                span = slice(rendered.starts[number], rendered.starts[number + 1])
                refuse_other_tokens(rendered.tokens[span], mine, number)
                left, right = aligned(exercise.answer.strip(), mine, other, spellings)
                supervised = rendered.weights[span] > 0
                chunks[span], found = kept(left, right, supervised)
                teacher_tokens.append(np.array(other.prompt_ids + other.completion_ids, np.int32))
                teacher_chunks.append(found)
                number += 1
        lengths = [len(tokens) for tokens in teacher_tokens]
        return cls(
            chunks, rendered.starts, np.concatenate(teacher_tokens), np.concatenate(teacher_chunks),
            np.cumsum([0, *lengths], dtype=np.int64),
        )  # fmt: skip

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the teacher's tokens and the alignment."""
        digest = hashlib.sha256()
        for array in (self.chunks, self.teacher_tokens, self.teacher_chunks, self.teacher_starts):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def compared(self) -> int:
        """How many of the student's tokens are in chunks."""
        return int((self.chunks != NONE).sum())

    def extras(self, numbers: Ints, sequences: Sequence[Weighted]) -> dict[str, Tensor]:
        """Return the chunk of every supervised token, and the teacher's sequences as `collate` makes the student's.

        `chunks` int64 [supervised]: numbered over the micro-batch, -1 for none. `teacher_ids` int64 [rows, time],
        right-padded. Of every token of the teacher that is in a chunk, `teacher_positions` (where it is predicted, as
        index into the flattened [rows * time]), `teacher_targets` and `teacher_chunks`, int64 [theirs].
        """
        if not sequences:
            nothing = torch.zeros(0, dtype=torch.int64)
            return dict(zip(NAMES, (torch.full((1,), NONE), torch.zeros(1, 1).long(), *[nothing] * 3), strict=True))
        width = int((self.teacher_starts[numbers + 1] - self.teacher_starts[numbers]).max()) - 1
        ids = np.zeros((len(numbers), width), np.int64)
        chunks, positions, targets, others = [], [], [], []
        before = 0  # chunks of the earlier sequences
        for row, (number, weighted) in enumerate(zip(numbers, sequences, strict=True)):
            mine = self.chunks[self.starts[number] : self.starts[number + 1]]
            span = slice(self.teacher_starts[number], self.teacher_starts[number + 1])
            tokens, other = self.teacher_tokens[span], self.teacher_chunks[span]
            ids[row, : len(tokens) - 1] = tokens[:-1]
            inside = np.flatnonzero(other[1:] != NONE)  # t - 1 for every t in a chunk
            supervised = mine[1:][np.flatnonzero(weighted.sequence.weights[1:])]
            chunks.append(np.where(supervised == NONE, NONE, supervised + before))
            positions.append(row * width + inside)
            targets.append(tokens[1:][inside])
            others.append(other[1:][inside] + before)
            before += int(mine.max()) + 1
        arrays = (np.concatenate(chunks), ids, *(np.concatenate(found) for found in (positions, targets, others)))
        return dict(zip(NAMES, (torch.from_numpy(array.astype(np.int64)) for array in arrays), strict=True))


NAMES = ("chunks", "teacher_ids", "teacher_positions", "teacher_targets", "teacher_chunks")


def exercises_in_order(rendering: Rendering, rendered: RenderedLessons, lessons: LessonSet) -> Iterator[Exercise]:
    """Yield the text of every sequence, in the order in which `RenderedLessons` numbers them."""
    places = np.array([lessons.position_of[name] for name in rendered.ids[: rendered.lessons_per_view]])
    for view in range(rendered.views):
        for lesson in lessons.at(places):
            yield from rendering.in_view(view).exercises(lesson)


def aligned(answer: str, mine: Encoded, other: Encoded, spellings: tuple[Spelling, Spelling]) -> tuple[Ints, Ints]:
    """Return the chunk of every token of both sequences, -1 in the prompts, and everywhere if the bytes do not fit."""
    sides = [
        locate(spelling.spell(encoded.completion_ids), answer)
        for spelling, encoded in zip(spellings, (mine, other), strict=True)
    ]
    left, right = (np.full(len(side.prompt_ids) + len(side.completion_ids), NONE, np.int64) for side in (mine, other))
    if sides[0] is not None and sides[1] is not None:
        left[len(mine.prompt_ids) :], right[len(other.prompt_ids) :] = align(sides[0], sides[1])
    return left, right


def kept(mine: Ints, other: Ints, supervised: npt.NDArray[np.bool_]) -> tuple[Chunks, Chunks]:
    """Leave out chunks with a token of the student that is not supervised, and number the others from 0."""
    whole = np.setdiff1d(mine[supervised], [*mine[~supervised], NONE])
    numbers = np.full(int(mine.max(initial=NONE)) + 2, NONE, np.int32)  # the last one is for -1
    numbers[whole] = np.arange(len(whole))
    return numbers[mine], numbers[other]


def refuse_other_tokens(tokens: npt.NDArray[np.int32], encoded: Encoded, number: int) -> None:
    """Refuse sequences that a rendering made otherwise than from its text: there would be nothing to read again."""
    if tokens.tolist() != encoded.prompt_ids + encoded.completion_ids:
        raise ConfigError(
            f"Sequence {number} is not what its rendering's text says: it has {len(tokens)} tokens, the text "
            f"{len(encoded.prompt_ids) + len(encoded.completion_ids)}, or they differ. A teacher with another "
            "tokenizer reads the text; allowed are renderings that change no token of it. Choose such a rendering, or "
            "a teacher with the student's tokenizer and lightning_modules.LogitDistillation."
        )
