"""What a rendering is: a lesson in, token sequences with a loss weight for every token out."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from lessons.errors import RenderingError
from lessons.records import Lesson, Message, Prompt
from students.encoder import Encoded, Encoder

__all__ = ["Example", "Exercise", "Rendered", "Rendering", "check_rest", "render_all", "render_blocks"]

log = logging.getLogger(__name__)

LESSONS_AT_ONCE = 512


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


@dataclass(frozen=True, slots=True)
class Rendered:
    """The training sequences of a set of lessons, and an account of what was left out."""

    examples: dict[str, list[Example]]
    """By lesson id, in the order of the lessons: every sequence of the lesson."""
    dropped: dict[str, int]
    """Lessons left out as too long: by lesson id, the tokens of its longest sequence."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Lessons that the rendering leaves out: by lesson id, why."""

    @property
    def tokens(self) -> int:
        """All tokens of all sequences."""
        return sum(len(e.input_ids) for found in self.examples.values() for e in found)

    @property
    def supervised_tokens(self) -> int:
        """The tokens with a loss weight above 0."""
        return sum(sum(w > 0 for w in e.weights) for found in self.examples.values() for e in found)


def render_all(
    rendering: Rendering,
    lessons: Iterable[Lesson],
    encoder: Encoder,
    max_tokens: int | None = None,
    over_long: Literal["drop", "refuse"] = "drop",
) -> Rendered:
    """Render many lessons, with all sequences of a lesson or none; an answer is never cut.

    Args:
        rendering: How.
        lessons: What.
        encoder: The student's tokenizer and template.
        max_tokens: Longest sequence allowed, prompt and answer together; None for no limit.
        over_long: What happens to a lesson with a longer one: left out and counted, or an error.

    Raises:
        RenderingError: A lesson cannot be rendered, is too long under "refuse", or nothing is left.
    """
    examples: dict[str, list[Example]] = {}
    dropped: dict[str, int] = {}
    left_out: dict[str, str] = {}
    for block in render_blocks(rendering, lessons, encoder, max_tokens, over_long):
        examples |= block.examples
        dropped |= block.dropped
        left_out |= block.left_out
    check_rest(len(examples), dropped, left_out, max_tokens)
    return Rendered(examples, dropped, left_out)


def render_blocks(
    rendering: Rendering,
    lessons: Iterable[Lesson],
    encoder: Encoder,
    max_tokens: int | None = None,
    over_long: Literal["drop", "refuse"] = "drop",
) -> Iterator[Rendered]:
    """Render as `render_all` does, some lessons at a time: what was yielded need not stay in memory.

    Whether anything is left to train on, the caller asks `check_rest` at the end.
    """
    waiting = iter(lessons)
    while block := list(islice(waiting, LESSONS_AT_ONCE)):
        done = Rendered({}, {}, {})
        batch = taught(rendering, block, done.left_out)
        for lesson, found in zip(batch, rendering.render_batch(batch, encoder), strict=True):
            check_supervised(lesson, found, rendering)
            longest = max(len(e.input_ids) for e in found)
            if max_tokens is None or longest <= max_tokens:
                done.examples[lesson.id] = found
            elif over_long == "refuse":
                raise RenderingError(
                    f"Lesson {lesson.id!r} needs {longest} tokens; at most {max_tokens} are allowed and an answer is "
                    "never cut. Raise `max_tokens`, or leave such lessons out with over_long: drop."
                )
            else:
                done.dropped[lesson.id] = longest
        yield done


def check_rest(
    rendered: int, dropped: Mapping[str, int], left_out: Mapping[str, str], max_tokens: int | None = None
) -> None:
    """Log how many lessons the rendering left out, and refuse to go on with none.

    Raises:
        RenderingError: No lesson was rendered.
    """
    if not rendered:
        raise nothing_left(dropped, left_out, max_tokens)
    for reason, count in Counter(left_out.values()).items():
        log.info("%d of %d lessons are left out: %s", count, rendered + len(dropped) + len(left_out), reason)


def taught(rendering: Rendering, lessons: list[Lesson], left_out: dict[str, str]) -> list[Lesson]:
    """Return the lessons that the rendering does not leave out, and note why it does the others."""
    kept = []
    for lesson in lessons:
        reason = rendering.left_out(lesson)
        if reason is None:
            kept.append(lesson)
        else:
            left_out[lesson.id] = reason
    return kept


def nothing_left(dropped: Mapping[str, int], left_out: Mapping[str, str], max_tokens: int | None) -> RenderingError:
    """Build the error for lessons of which none can be trained on."""
    long = (
        f", {len(dropped)} longer than {max_tokens} tokens (the shortest has {min(dropped.values())})"
        if dropped
        else ""
    )
    reasons = "".join(f", {count} because {reason}" for reason, count in Counter(left_out.values()).items())
    return RenderingError(
        f"No lesson is left to train on: {len(dropped) + len(left_out)} were given{long}{reasons}. At least one lesson "
        "must fit. Raise `max_tokens`, or check which lessons the plan chose."
    )


def check_supervised(lesson: Lesson, examples: list[Example], rendering: Rendering) -> None:
    """Refuse a lesson that teaches nothing, or counts in a part of the loss that does not exist."""
    for example in examples:
        if len(example.weights) != len(example.input_ids) or example.part not in rendering.parts:
            raise RenderingError(
                f"{type(rendering).__name__} gave lesson {lesson.id!r} {len(example.input_ids)} tokens with "
                f"{len(example.weights)} weights in part {example.part!r}. Needed is one weight a token and one of the "
                f"parts {', '.join(rendering.parts)}. Correct the rendering."
            )
    if not examples or not all(any(w > 0 for w in e.weights) for e in examples):
        raise RenderingError(
            f"Lesson {lesson.id!r} has no supervised token under {type(rendering).__name__}. Every sequence needs at "
            "least one token with a weight above 0. Correct the rendering or leave the lesson out."
        )
