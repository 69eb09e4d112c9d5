from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.data.collate import Weighted
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.distillation.second_reading import SecondReading, exercises_in_order
from students import (
    AnswerOnly,
    BytePairTokenizer,
    Encoder,
    RationalePrefix,
    RationaleThenAnswer,
    Rendering,
    Student,
    TwoTask,
    Views,
    render_all,
)
from students.spelling import Spelling

TEACHER = Encoder(BytePairTokenizer(["So. go on. go on. go on.", "Answer: 12", "Answer: 120"], 300).build())


class Read:
    """All sequences of a rendering, read by both."""

    def __init__(self, rendering: Rendering, student: Student, folder: Path) -> None:
        self.lessons = LessonSet.read(folder / "prompts.parquet", folder / "lessons.parquet", target="rationale")
        self.student, self.rendering = student.encoder, rendering
        examples = render_all(rendering, self.lessons, self.student).examples
        self.rendered = RenderedLessons.of(examples, tuple(rendering.parts))
        self.exercises = list(exercises_in_order(rendering, self.rendered, self.lessons))
        self.reading = SecondReading.of(self.rendered, self.exercises, self.student, TEACHER)


@pytest.fixture
def read(tiny: Callable[..., Student], round_folder: Path) -> Callable[[Rendering], Read]:
    return lambda rendering: Read(rendering, tiny(), round_folder)


RENDERINGS = [TwoTask(), RationalePrefix(0.5), Views([RationalePrefix(0.5), RationaleThenAnswer(), AnswerOnly()])]


@pytest.mark.parametrize("rendering", RENDERINGS, ids=lambda rendering: type(rendering).__name__)
def test_every_chunk_is_learnt_whole_and_written_alike_by_both(
    read: Callable[[Rendering], Read], rendering: Rendering
) -> None:
    made = read(rendering)
    spellings = Spelling.of(made.student.tokenizer), Spelling.of(TEACHER.tokenizer)
    reading, rendered = made.reading, made.rendered
    assert len(made.exercises) == len(rendered.starts) - 1 == len(reading.teacher_starts) - 1
    for number in range(len(made.exercises)):
        mine = slice(rendered.starts[number], rendered.starts[number + 1])
        other = slice(reading.teacher_starts[number], reading.teacher_starts[number + 1])
        chunks, others = reading.chunks[mine], reading.teacher_chunks[other]
        assert (rendered.weights[mine][chunks >= 0] > 0).all()
        numbers = sorted(set(chunks[chunks >= 0].tolist()))
        assert numbers == sorted(set(others[others >= 0].tolist())) == list(range(len(numbers)))
        for chunk in numbers:
            texts = [
                b"".join(spelling.spell(tokens[found == chunk].tolist()))
                for spelling, tokens, found in zip(
                    spellings, (rendered.tokens[mine], reading.teacher_tokens[other]), (chunks, others), strict=True
                )
            ]
            assert texts[0] == texts[1] != b""  # both call the end of the turn alike
    learnt = int((rendered.weights > 0).sum())
    assert 0.9 * learnt < reading.compared <= learnt  # a chunk that begins before what is learnt is left out


def test_what_comes_along_is_collated_as_the_students_own_sequences(read: Callable[[Rendering], Read]) -> None:
    made = read(RationaleThenAnswer())
    numbers = np.array([3, 0, 7])
    sequences = [Weighted(made.rendered.sequence(int(number))) for number in numbers]
    extras = made.reading.extras(numbers, sequences)
    flat, width = extras["teacher_ids"].flatten(), extras["teacher_ids"].shape[1]
    starts = made.reading.teacher_starts
    for row, number in enumerate(numbers):
        tokens = made.reading.teacher_tokens[starts[number] : starts[number + 1]]
        assert flat[row * width : row * width + len(tokens) - 1].tolist() == tokens[:-1].tolist()
        inside = (extras["teacher_positions"] // width) == row
        places = (extras["teacher_positions"][inside] % width).numpy()
        assert extras["teacher_targets"][inside].tolist() == tokens[places + 1].tolist()
    assert len(extras["chunks"]) == sum(int((s.sequence.weights > 0).sum()) for s in sequences)
    assert extras["chunks"].unique().tolist() == extras["teacher_chunks"].unique().tolist()
    assert (extras["teacher_chunks"].diff() >= 0).all()


def test_a_micro_batch_without_lessons_has_one_token_in_no_chunk(read: Callable[[Rendering], Read]) -> None:
    extras = read(RationaleThenAnswer()).reading.extras(np.zeros(0, np.int64), [])
    assert {name: tuple(tensor.shape) for name, tensor in extras.items()} == {
        "chunks": (1,), "teacher_ids": (1, 1), "teacher_positions": (0,), "teacher_targets": (0,),
        "teacher_chunks": (0,),
    }  # fmt: skip
    assert extras["chunks"].tolist() == [-1]


def test_sequences_that_are_not_what_their_text_says_are_refused(read: Callable[[Rendering], Any]) -> None:
    made = read(RationaleThenAnswer())
    changed = replace(made.rendered, tokens=made.rendered.tokens[::-1].copy())
    message = r"Sequence 0 is not what its rendering's text says.*allowed are renderings that change no token.*Choose"
    with pytest.raises(ConfigError, match=message):
        SecondReading.of(changed, made.exercises, made.student, TEACHER)


def test_another_alignment_is_another_run(read: Callable[[Rendering], Read]) -> None:
    one, same = (read(RationaleThenAnswer()).reading for _ in range(2))
    assert one.fingerprint == same.fingerprint != read(AnswerOnly()).reading.fingerprint
