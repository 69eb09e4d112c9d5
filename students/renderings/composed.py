"""Several lessons asked and answered at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, get_args
from zlib import crc32

import numpy as np

from lessons.errors import ConfigError, RenderingError
from lessons.records import Lesson, Message, Prompt
from students.encoder import Encoder
from students.renderings.base import Example, Exercise, Rendering

__all__ = ["Arrangement", "Composed"]

Arrangement = Literal["in order", "permuted", "some left out"]

TASKS: dict[str, str] = {
    "in order": "Answer each of these {count} questions, with its number before the answer.",
    "permuted": "Answer each of these {count} questions in the order {wanted}, with its number before the answer.",
    "some left out": "Of these {count} questions, answer only {wanted}, with its number before the answer.",
}


class Composed(Rendering):
    """A lesson asked together with others, all answered in one turn: how many there are is how hard it is.

    After Mosaic-IT (Li et al. 2024, arXiv:2405.13326 unchecked), which joins 1 to 10 instructions under one of their
    own: with a format (here always a number before each answer), to be answered in another order, or with some to be
    left out. The wording is ours. Inside `Views`, `curricula.Dial` turns the number of parts: opened evenly it is the
    paper's random number, turned up it is a curriculum.

    The others are drawn for each lesson by its id and the seed among the lessons that are rendered with it (512 at a
    time): every lesson is asked once as its own and, on average, `together` - 1 times beside others. The exam asks one
    question at a time.

    Args:
        rendering: How each lesson is asked and answered: one question without turns before it, and one answer.
        together: How many lessons are asked at once, at least 1; fewer where not so many are rendered together.
        arrangement: "in order" answers all as they are asked, "permuted" in another order, "some left out" answers the
            lesson itself and each other with a chance of one half.
        seed: Decides which lessons come together.
    """

    def __init__(
        self, rendering: Rendering, together: int = 2, arrangement: Arrangement = "in order", seed: int = 0
    ) -> None:
        self.rendering = rendering
        self.together = together
        self.arrangement = arrangement
        self.seed = seed

    @property
    def parts(self) -> dict[str, float]:
        """The parts of the loss, those of the single lesson."""
        return self.rendering.parts

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the lesson asked by itself: what signals score."""
        return self.rendering.exercises(lesson)

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why the lesson teaches nothing, by itself."""
        return self.rendering.left_out(lesson)

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question by itself."""
        return self.rendering.exam_messages(prompt)

    def render_batch(self, lessons: Sequence[Lesson], encoder: Encoder) -> Iterator[list[Example]]:
        """Yield the training sequence of each lesson and those drawn to be asked with it."""
        composed = self.compose(lessons)
        yield from Made(
            {lesson.id: made for lesson, made in zip(lessons, composed, strict=True)}, self.parts
        ).render_batch(lessons, encoder)

    def compose(self, lessons: Sequence[Lesson]) -> list[Exercise]:
        """Return what is asked and answered for each lesson, others of these drawn beside it.

        Raises:
            ConfigError: The settings are outside their range.
            RenderingError: A lesson is not one question and one answer.
        """
        if self.together < 1 or self.arrangement not in get_args(Arrangement) or self.rendering.view_count > 1:
            raise ConfigError(
                f"Composed got together={self.together}, arrangement={self.arrangement!r} and a rendering of "
                f"{self.rendering.view_count} views; allowed are 1 lesson or more, "
                f"{', '.join(repr(name) for name in get_args(Arrangement))}, and a rendering of one view. Correct them."
            )
        single = [self.single(lesson) for lesson in lessons]
        made = []
        for place, lesson in enumerate(lessons):
            generator = np.random.default_rng([self.seed, self.together, crc32(lesson.id.encode())])
            others = generator.permutation(np.delete(np.arange(len(lessons)), place))[: self.together - 1].tolist()
            own = int(generator.integers(len(others) + 1))
            together = [single[other] for other in (*others[:own], place, *others[own:])]
            made.append(self.joined(together, own, generator) if others else single[place])
        return made

    def single(self, lesson: Lesson) -> Exercise:
        """Return a lesson asked by itself, made sure that it is one question and one answer."""
        found = self.rendering.exercises(lesson)
        turns = [message for exercise in found for message in exercise.messages if message.role != "system"]
        if len(found) != 1 or len(turns) != 1 or found[0].given:
            raise RenderingError(
                f"Lesson {lesson.id!r} cannot be asked together with others: {type(self.rendering).__name__} makes "
                f"{len(found)} exercises of {len(turns)} turns of it. Needed is one question, one answer and nothing "
                "given of it. Compose another rendering, or leave such lessons out."
            )
        return found[0]

    def joined(self, together: Sequence[Exercise], own: int, generator: np.random.Generator) -> Exercise:
        """Return several exercises as one, in the part of the loss of the own."""
        numbers = list(range(1, len(together) + 1))
        if self.arrangement == "permuted":
            numbers = [int(number) for number in generator.permutation(numbers)]
        elif self.arrangement == "some left out":
            numbers = [
                n for n, kept in zip(numbers, generator.random(len(numbers)) < 0.5, strict=True) if kept or n == own + 1
            ]
        task = TASKS[self.arrangement].format(count=len(together), wanted=", ".join(map(str, numbers)))
        questions = [f"{n}. {exercise.messages[-1].content.strip()}" for n, exercise in enumerate(together, start=1)]
        answers = [f"{n}. {together[n - 1].answer.strip()}" for n in numbers]
        mine = together[own]
        asked = Message("user", "\n".join([task, *questions]))
        system = [message for message in mine.messages if message.role == "system"]
        return replace(mine, messages=(*system, asked), answer="\n".join(answers))


class Made(Rendering):
    """Exercises that are made already, by lesson id.

    Args:
        made: The exercise of each lesson.
        weights: The parts of the loss.
    """

    def __init__(self, made: Mapping[str, Exercise], weights: Mapping[str, float]) -> None:
        self.made = made
        self.weights = weights

    @property
    def parts(self) -> dict[str, float]:
        """The parts of the loss."""
        return dict(self.weights)

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Look the exercise up."""
        return [self.made[lesson.id]]
