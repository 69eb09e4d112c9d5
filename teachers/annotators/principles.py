"""Principles: what a student's errors at a topic have in common, as rules to keep in mind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from lessons.errors import ConfigError, DataError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from lessons.tables import read_attempts, read_prompts
from teachers.annotators.base import Annotator, Asking, Fields, ParseProblem
from teachers.annotators.numbered import numbered
from teachers.annotators.secrecy import kept_secret
from teachers.exchange import Completion, Request

__all__ = ["Mistake", "PrinciplesAnnotator", "evenly"]

Item = TypeVar("Item")

MARK = r"[ \t]*(?:[-*\u2022][ \t]+)?[*_]{0,3}"
LINE = re.compile(
    rf"^{MARK}(?P<name>principle|errors?)(?:[ ]\d{{1,2}})?[*_]{{0,3}}[ \t]*:[*_]{{0,3}}(?P<text>.*)$", re.I | re.M
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong attempt at a question."""

    prompt: Prompt
    """The question, with its reference."""
    attempt: str
    """The wrong work."""


class PrinciplesAnnotator(Annotator):
    """Shows the teacher a student's errors at a topic, and asks for the principles that would have prevented them.

    After TPD (Wang et al. 2024, arXiv:2401.13849, unchecked): a teacher turns the errors of a student at validation
    questions into principles, and the examples that violate them go into the prompt beside them. The scoring of the
    examples is our reading: the teacher names the errors each principle would have prevented, and an example counts as
    instructive as it violates many. Every prompt of a topic at which there were errors gets its topic's principles;
    all share one call, into which nothing of the prompt itself goes.

    The annotation's `text` is the numbered list of principles. Its data: "topic", "principles" (each with "text" and
    "errors", the ids of the prompts), and "examples" ("prompt_id" and "violations", the most instructive first). The
    teacher sees the right answers; where a list gives away that of a prompt whose error was shown, it has a problem.

    Args:
        attempts: Parquet file of graded attempts (the student's exam); those graded wrong are the errors.
        prompts: Parquet file of the prompts they are at (the exam's); for the questions, references and topics.
        max_errors: At most so many errors of a topic are shown, evenly spread over the file.
        max_principles: At most so many principles of a topic.
        max_examples: At most so many instructive examples are named.
        temperature: Temperature of sampling; None for the provider's default.
        max_output_tokens: Upper bound on the tokens of one list, hidden reasoning included.
        seed: Seed, for teachers that honour seeds.
        show_reference: Show the teacher the right answers beside the errors (marked as such).
        repairs: How often a reply that cannot be read is sent back with the reason: 0 or 1.
        template: Text file with another prompt template; copy teachers/annotators/templates/principles.txt.
    """

    kind = "principles"

    def __init__(
        self,
        attempts: str,
        prompts: str,
        max_errors: int = 8,
        max_principles: int = 5,
        max_examples: int = 3,
        temperature: float | None = 0.0,
        max_output_tokens: int = 1024,
        seed: int | None = None,
        show_reference: bool = True,
        repairs: int = 1,
        template: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            max_output_tokens=max_output_tokens,
            seed=seed,
            show_reference=show_reference,
            repairs=repairs,
            template=template,
        )
        self.attempts = attempts
        self.prompts = prompts
        self.max_errors = max_errors
        self.max_principles = max_principles
        self.max_examples = max_examples

    @cached_property
    def mistakes_of(self) -> dict[str | None, list[Mistake]]:
        """By topic: the errors that are shown, the first one of each prompt.

        Raises:
            DataError: An attempt was never graded.
        """
        known = {prompt.id: prompt for prompt in read_prompts(self.prompts)}
        found: dict[str | None, dict[str, Mistake]] = {}
        for attempt in read_attempts(self.attempts):
            if attempt.grade is None:
                raise DataError(
                    f"{self.attempts}: the attempt at the prompt {attempt.prompt_id!r} has no grade (got None); only "
                    "graded attempts tell errors from right answers. Give the attempts.parquet of an exam."
                )
            prompt = known.get(attempt.prompt_id)
            if prompt is not None and not attempt.grade.correct:
                found.setdefault(prompt.topic, {}).setdefault(prompt.id, Mistake(prompt, attempt.text))
        return {topic: evenly(list(mistakes.values()), self.max_errors) for topic, mistakes in found.items()}

    def check(self, grader: Grader | None) -> None:
        """Read the template and the files.

        Raises:
            ConfigError: Nothing may be shown or asked for.
        """
        super().check(grader)
        if min(self.max_errors, self.max_principles) < 1:
            raise ConfigError(
                f"max_errors is {self.max_errors} and max_principles is {self.max_principles}; both must be 1 or more. "
                "Raise them, or leave the annotator out."
            )
        _ = self.mistakes_of

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read the pairs of lines "Principle: ..." and "Errors: 1, 2"."""
        mistakes = self.mistakes_of.get(prompt.topic, [])
        principles = read_principles(completion.text, len(mistakes), self.max_principles)
        data = [
            {"text": text, "errors": [mistakes[number - 1].prompt.id for number in numbers]}
            for text, numbers in principles
        ]
        return Fields(
            numbered([text for text, _ in principles]),
            data={
                "topic": prompt.topic,
                "principles": data,
                "examples": self.instructive(mistakes, [numbers for _, numbers in principles]),
            },
        )

    def instructive(self, mistakes: Sequence[Mistake], violated: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
        """Return the examples that violate the most principles, most first, else in the order of the file."""
        counts = [sum(number in numbers for numbers in violated) for number in range(1, len(mistakes) + 1)]
        order = sorted((k for k, count in enumerate(counts) if count), key=lambda k: -counts[k])
        return [{"prompt_id": mistakes[k].prompt.id, "violations": counts[k]} for k in order[: self.max_examples]]

    def topic_request(self, prompt: Prompt) -> Request:
        """Make the request for the principles of the prompt's topic."""
        bare = replace(prompt, messages=prompt.messages[-1:])  # nothing of the prompt itself goes in
        mistakes = self.mistakes_of[prompt.topic]
        messages = self.build(
            bare, mistakes=mistakes, most=self.max_principles, show_references=self.show_reference
        )  # fmt: skip
        return self.request(prompt, messages, 0)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request, the same one for all prompts of a topic; none where there was no error."""
        if prompt.topic not in self.mistakes_of:
            return [], 0
        return [self.topic_request(prompt)], 1 + self.repairs

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask for the principles of the prompt's topic."""
        prompt = asking.prompt
        if prompt.topic not in self.mistakes_of:
            return []
        mistakes = self.mistakes_of[prompt.topic]
        found = await self.asked(asking, self.topic_request(prompt))
        told = self.show_reference and any(mistake.prompt.reference is not None for mistake in mistakes)
        if any(mistake.prompt.id == prompt.id for mistake in mistakes):
            found = kept_secret(found, prompt)
        return [replace(found, saw_reference=told)]


def read_principles(text: str, errors: int, most: int) -> list[tuple[str, list[int]]]:
    """Read the principles, each with the numbers of the errors it would have prevented.

    Raises:
        ParseProblem: There is none, there are too many, one is empty, or its line of errors is missing or wrong.
    """
    found: list[tuple[str, list[int]]] = []
    open_principle: str | None = None
    for line in LINE.finditer(text):
        words = line["text"].strip(" \t\r*_")
        if line["name"].lower() == "principle":
            if open_principle is not None:
                raise ParseProblem(f'no line "Errors: ..." after the principle {open_principle[:60]!r}')
            if not words:
                raise ParseProblem('nothing follows "Principle:"')
            open_principle = words
        elif open_principle is not None:
            found.append((open_principle, error_numbers(words, errors)))
            open_principle = None
    if open_principle is not None:
        raise ParseProblem(f'no line "Errors: ..." after the principle {open_principle[:60]!r}')
    if not 1 <= len(found) <= most:
        raise ParseProblem(f"{len(found)} principles where there must be 1 to {most}")
    return found


def error_numbers(words: str, errors: int) -> list[int]:
    """Read a list of error numbers; "all" names all of them.

    Raises:
        ParseProblem: It names no error, or one that was not shown.
    """
    words = words.rstrip(".").casefold()
    if words == "all":
        return list(range(1, errors + 1))
    pieces = [piece.strip().removeprefix("error ").lstrip("#") for piece in re.split(r",|;|\band\b", words)]
    numbers = [int(piece) for piece in pieces if re.fullmatch(r"[0-9]{1,4}", piece)]
    if len(numbers) != len(pieces) or not all(1 <= number <= errors for number in numbers):
        raise ParseProblem(f"the errors {words[:40]!r} are not numbers from 1 to {errors}, separated by commas")
    return sorted(set(numbers))


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most so many of a list, evenly spread over it, the first one included.

    >>> evenly(list("abcdef"), 3)
    ['a', 'c', 'e']
    """
    if most < 1 or len(items) <= most:
        return list(items)
    return [items[k * len(items) // most] for k in range(most)]
