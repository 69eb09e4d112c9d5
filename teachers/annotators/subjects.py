"""What is judged: texts that someone wrote for a prompt, and the annotators that ask about each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lessons.answers import join_answer
from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Attempt, Prompt
from lessons.tables import read_attempts
from teachers.annotators.base import Annotator, Asking, together
from teachers.annotators.repair import largest_repair
from teachers.exchange import Request

__all__ = ["Subject", "SubjectAnnotator", "attempt_subjects", "earlier_subjects", "whole_text"]

ATTEMPT = "attempt"
TYPICAL_TEXT = "one step after another " * 50


@dataclass(frozen=True, slots=True)
class Subject:
    """A text that is judged, and where it came from."""

    text: str
    """The whole text, its answer line included."""
    kind: str
    """"attempt", or the kind of the annotation."""
    sample: int
    """Its number among those of its kind and prompt."""
    author: str
    """The model that wrote it."""
    correct: bool | None = None
    """Its mark, which the judge does not see; None where it has none."""

    def origin(self) -> dict[str, Any]:
        """Return all but the text, for `Annotation.data`."""
        return {"kind": self.kind, "sample": self.sample, "author": self.author, "correct": self.correct}


def attempt_subjects(path: str) -> dict[str, list[Subject]]:
    """Read a file of attempts: by prompt id, in the order of the file, without repeated texts."""
    found: dict[str, dict[str, Subject]] = {}
    for attempt in read_attempts(path):
        found.setdefault(attempt.prompt_id, {}).setdefault(attempt.text, of_attempt(attempt))
    return {prompt_id: list(texts.values()) for prompt_id, texts in found.items()}


def of_attempt(attempt: Attempt) -> Subject:
    """Return an attempt as a subject."""
    grade = attempt.grade
    return Subject(attempt.text, ATTEMPT, attempt.sample, attempt.author, None if grade is None else grade.correct)


def earlier_subjects(earlier: Iterable[Annotation], kind: str) -> list[Subject]:
    """Return what earlier annotators of the run wrote, without repeated texts and what could not be read."""
    found: dict[str, Subject] = {}
    for annotation in earlier:
        if annotation.kind == kind and annotation.problem is None:
            text, grade = whole_text(annotation), annotation.grade
            correct = None if grade is None else grade.correct
            found.setdefault(text, Subject(text, kind, annotation.sample, annotation.provenance.model, correct))
    return list(found.values())


def whole_text(annotation: Annotation) -> str:
    """Return the text of an annotation with its answer line."""
    return join_answer(annotation.text, annotation.answer)


class SubjectAnnotator(Annotator):
    """Asks about each text that was written for a prompt: attempts of a file, or what an earlier annotator wrote.

    The annotation's `subject` is the text; `data["subject"]` says where it came from (`Subject.origin`). A template
    gets the text as `attempt`.

    Args:
        attempts: Parquet file of attempts (an exam's attempts.parquet); None: texts of the same run.
        of: The kind of the earlier annotations whose texts are taken; not used with `attempts`.
        max_texts: At most so many texts of one prompt, the first ones.
        settings: What `Annotator` takes.
    """

    def __init__(self, attempts: str | None, of: str, max_texts: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.attempts = attempts
        self.of = of
        self.max_texts = max_texts

    @cached_property
    def attempts_of(self) -> dict[str, list[Subject]]:
        """By prompt id: the attempts in the file."""
        return attempt_subjects(self.attempts) if self.attempts else {}

    def check(self, grader: Grader | None) -> None:
        """Read the template and the attempts."""
        super().check(grader)
        if self.max_texts < 1:
            raise ConfigError(
                f"max_texts of {type(self).__name__} is {self.max_texts}; at least 1 text must be judged. "
                "Raise it, or leave the annotator out."
            )
        _ = self.attempts_of

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return the kind of the texts, where no file holds them and nobody writes them."""
        return [] if self.attempts is not None or self.of in earlier else [self.of]

    def known_subjects(self, prompt: Prompt) -> list[Subject] | None:
        """Return the texts to ask about, where they are known before the run; else None."""
        return None if self.attempts is None else self.wanted(self.attempts_of.get(prompt.id, []))

    def wanted(self, subjects: list[Subject]) -> list[Subject]:
        """Return those of a prompt's texts that are asked about, up to `max_texts`: here, all."""
        return subjects

    def subjects(self, asking: Asking) -> list[Subject]:
        """Return the texts to ask about."""
        known = self.known_subjects(asking.prompt)
        found = self.wanted(earlier_subjects(asking.earlier, self.of)) if known is None else known
        return found[: self.max_texts]

    def subject_request(self, prompt: Prompt, text: str, sample: int) -> Request:
        """Make the request that asks about one text."""
        return self.request(prompt, self.build(prompt, attempt=text), sample)

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request for each text known; those that earlier annotators will write are not known yet."""
        known = self.known_subjects(prompt)
        if known is None:
            return [], self.max_texts * (1 + self.repairs)
        sure = [self.subject_request(prompt, subject.text, k) for k, subject in enumerate(known[: self.max_texts])]
        return sure, len(sure) * (1 + self.repairs)

    def example(self, prompt: Prompt) -> Request | None:
        """Return a request about a text of typical length where the texts are not known yet."""
        if self.known_subjects(prompt) is not None:
            return super().example(prompt)
        request = self.subject_request(prompt, TYPICAL_TEXT, 0)
        return largest_repair(request) if self.repairs else request

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask about all texts at once."""
        subjects = self.subjects(asking)
        return await together([self.one(asking, subject, k) for k, subject in enumerate(subjects)])

    async def one(self, asking: Asking, subject: Subject, sample: int) -> Annotation:
        """Ask about one text."""
        request = self.subject_request(asking.prompt, subject.text, sample)
        found = await self.asked(asking, request, subject.text)
        return replace(found, data={**found.data, "subject": subject.origin()})
