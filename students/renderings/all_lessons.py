"""Many lessons rendered: some at a time, the too long ones counted, those that teach nothing refused."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from lessons.errors import RenderingError
from lessons.records import Lesson
from students.encoder import Encoder
from students.renderings.base import Example, Rendering

__all__ = ["Rendered", "check_rest", "render_all", "render_blocks"]

log = logging.getLogger(__name__)

LESSONS_AT_ONCE = 512


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
