"""The exam: a student answers prompts, a grader marks the answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Attempt, Prompt
from students.decoding import Generation
from students.generation import Generated, Progress, answer
from students.renderings import Rendering

if TYPE_CHECKING:
    from students.student import Student

__all__ = ["sit"]


def sit(
    student: Student,
    prompts: Iterable[Prompt],
    grader: Grader,
    generation: Generation | None = None,
    rendering: Rendering | None = None,
    author: str | None = None,
    samples: int = 1,
    progress: Progress | None = None,
) -> list[Attempt]:
    """Let a student answer every prompt and mark the answers.

    Args:
        student: Who sits.
        prompts: The questions.
        grader: Who marks.
        generation: How answers are generated; greedy by default.
        rendering: The rendering the student was trained with, which says how questions are put to it; None to put
            them as they are.
        author: Name stored with the attempts; None for the weights' name.
        samples: Answers a prompt, at least 1. More than one need a temperature above 0, or they would all be the same.
        progress: Called with the number of answers finished and wanted.

    Returns:
        The attempts, in the order of the prompts, samples of one prompt together.

    Raises:
        ConfigError: The number of samples does not fit the temperature.
    """
    temperature = generation.temperature if generation else 0.0
    if samples < 1 or (samples > 1 and not temperature > 0):
        raise ConfigError(
            f"An exam with samples={samples} at temperature {temperature:g} cannot be sat; allowed are 1 greedy answer "
            "a question, or several at a temperature above 0. Set generation.temperature, such as 0.8, or samples to 1."
        )
    asked = list(prompts)
    if rendering is not None:
        rendering.prepare_exam(asked)
    conversations = [rendering.exam_messages(p) if rendering else p.messages for p in asked for _ in range(samples)]
    stop = None if rendering is None else rendering.stop_text
    generated = iter(answer(student, conversations, generation, progress, stop))
    return [
        Attempt(
            prompt_id=prompt.id,
            author=author or student.weights.name,
            text=found.text,
            sample=number,
            grade=grader.grade(found.text, prompt),
            tokens=found.tokens,
            truncated=found.truncated,
        )
        for prompt in asked
        for number, found in ((k, read(next(generated), stop)) for k in range(samples))
    ]


def read(found: Generated, stop: str | None) -> Generated:
    """Return an answer up to the text at which the exam stops reading; there it was not cut off."""
    if stop is None or stop not in found.text:
        return found
    return replace(found, text=found.text.partition(stop)[0].rstrip(), truncated=False)
