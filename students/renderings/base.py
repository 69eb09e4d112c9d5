"""What a rendering is: a lesson in, token sequences with a loss weight for every token out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lessons.errors import RenderingError
from lessons.records import Lesson, Message, Prompt
from students.encoder import Encoded, Encoder

__all__ = ["Example", "Exercise", "Rendering"]


@dataclass(frozen=True, slots=True)
class Exercise:
    """One thing to learn, still as text: a conversation and what the student shall answer."""

    messages: tuple[Message, ...]
    """The conversation up to the answer."""
    answer: str
    """What the student shall write."""
    part: str = "answer"
    """The part of the loss it counts in: a key of the rendering's `parts`."""
    given: str = ""
    """How the answer begins where its beginning is only read, or counts otherwise than the rest. `answer` starts with
    it."""
    given_weight: float = 0.0
    """Loss weight of each token of what is given, beside 1 for the others; 0: it is not learnt."""
    reward: float | None = None
    """What a verifier gave the answer, for losses on marked answers; None where nobody did."""
    finished: bool = True
    """Whether the answer came to its end. To stop where it was cut off is not learnt."""


@dataclass(frozen=True, slots=True)
class Example:
    """One training sequence."""

    lesson_id: str
    """The lesson it came from."""
    input_ids: list[int]
    """Token ids, prompt and answer, [tokens]."""
    weights: list[float]
    """Loss weight of each token as a target, [tokens]: 0 in the prompt, which nobody has to predict."""
    part: str
    """The part of the loss it counts in."""
    view: int = 0
    """In which of the rendering's views it shows the lesson."""
    reward: float | None = None
    """What a verifier gave the answer; None where nobody did."""


class Rendering(ABC):
    """Turns lessons into training sequences, and exam questions into what the student was trained to be asked."""

    answered = True
    """Whether its sequences hold answers to learn; where they do not, the student must write them as it trains."""

    @property
    def parts(self) -> dict[str, float]:
        """Weight of each part of the loss; every part is averaged over its own supervised tokens."""
        return {"answer": 1.0}

    @property
    def view_count(self) -> int:
        """In how many ways it shows every lesson; where more than one, the plan chooses."""
        return 1

    def in_view(self, view: int) -> Rendering:
        """Return the rendering that shows lessons in one of these ways."""
        return self

    @abstractmethod
    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return what a lesson teaches, as text.

        Raises:
            RenderingError: The lesson lacks what this rendering needs.
        """

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why a lesson teaches nothing although nothing is wrong with it; None where it does.

        Such lessons are left out of the plan and counted.
        """
        return None

    @property
    def stop_text(self) -> str | None:
        """Text at which the exam stops reading: what the student writes after it was taught and is not asked for."""
        return None

    def prepare_exam(self, prompts: Sequence[Prompt]) -> None:  # noqa: B027 - most need nothing
        """Make ready to ask these questions, all of them at once; called before `exam_messages` is."""

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the conversation the student is asked to answer at an exam."""
        return prompt.messages

    def render(self, lesson: Lesson, encoder: Encoder) -> list[Example]:
        """Return a lesson's training sequences."""
        return next(self.render_batch([lesson], encoder))

    def render_batch(self, lessons: Sequence[Lesson], encoder: Encoder) -> Iterator[list[Example]]:
        """Yield the training sequences of each lesson; tokenises all of them at once."""
        exercises = [self.exercises(lesson) for lesson in lessons]
        encoded = iter(encoder.encode([(e.messages, e.answer) for found in exercises for e in found]))
        for lesson, found in zip(lessons, exercises, strict=True):
            yield [
                Example(
                    lesson_id=lesson.id,
                    input_ids=ids.prompt_ids + ids.completion_ids,
                    weights=token_weights(exercise, ids, encoder),
                    part=exercise.part,
                    reward=exercise.reward,
                )
                for exercise, ids in zip(found, islice(encoded, len(found)), strict=True)
            ]


def token_weights(exercise: Exercise, ids: Encoded, encoder: Encoder) -> list[float]:
    """Return 0 for tokens of the prompt and for a false end, 1 for those of the answer but what is given of it.

    Raises:
        RenderingError: The answer does not begin with what is given.
    """
    given = exercise.given.strip()
    if not exercise.answer.strip().startswith(given):
        raise RenderingError(
            f"What is given of an answer, {given[-80:]!r}, is not how the answer {exercise.answer[:200]!r} begins. "
            "Needed is its beginning, letter by letter. Correct the rendering."
        )
    opening = encoder.tokens_of_start(ids.completion_ids, given) if given else 0
    rest = len(ids.completion_ids) - opening
    weights = [0.0] * len(ids.prompt_ids) + [exercise.given_weight] * opening + [1.0] * rest
    if not exercise.finished:
        weights[-1] = 0.0  # the last token of every completion is the end of the turn
    return weights
