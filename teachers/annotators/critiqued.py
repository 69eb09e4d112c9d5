"""What is done with critiques: the annotators that ask about attempts which earlier critiques are about."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt, Provenance
from lessons.tables import read_annotations
from teachers.annotators.base import Annotator, Asking, together
from teachers.annotators.critiques import CRITIQUES, is_critique
from teachers.annotators.repair import largest_repair
from teachers.annotators.subjects import TYPICAL_TEXT
from teachers.exchange import Request

__all__ = ["Critiqued", "CritiquedAnnotator", "origin"]


@dataclass(frozen=True, slots=True)
class Critiqued:
    """An attempt and the critiques of it that one ask is about."""

    attempt: str
    """The attempt's whole text."""
    critiques: tuple[Annotation, ...]
    """At least one."""


def origin(critique: Annotation) -> dict[str, Any]:
    """Return where a critique came from, for `Annotation.data`."""
    return {
        "kind": critique.kind,
        "sample": critique.sample,
        "author": critique.provenance.model,
        "request_key": critique.provenance.request_key,
        "verdict": critique.answer,
    }


class CritiquedAnnotator(Annotator):
    """Asks about attempts with their critiques: those of an earlier annotator of the run, or of a file of lessons.

    Args:
        critiques: Parquet file of annotations that holds critiques (lessons.parquet); None: critiques of the same run.
        max_texts: At most so many asks about one prompt, the first ones.
        settings: What `Annotator` takes.
    """

    def __init__(self, critiques: str | None, max_texts: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.critiques = critiques
        self.max_texts = max_texts

    @abstractmethod
    def groups(self, critiques: Sequence[Annotation]) -> list[Critiqued]:
        """Return what to ask about, one ask each, given all readable critiques of a prompt."""

    @abstractmethod
    def group_request(self, prompt: Prompt, group: Critiqued, sample: int) -> Request:
        """Make the request about one attempt and its critiques."""

    @abstractmethod
    async def one(self, asking: Asking, group: Critiqued, sample: int) -> Annotation:
        """Ask about one attempt and its critiques."""

    @cached_property
    def critiques_of(self) -> dict[str, list[Annotation]]:
        """By prompt id: the readable critiques in the file."""
        found: dict[str, list[Annotation]] = {}
        for annotation in read_annotations(self.critiques) if self.critiques else ():
            if is_critique(annotation):
                found.setdefault(annotation.prompt_id, []).append(annotation)
        return found

    def check(self, grader: Grader | None) -> None:
        """Read the template and the file.

        Raises:
            ConfigError: Nothing may be asked.
        """
        super().check(grader)
        if self.max_texts < 1:
            raise ConfigError(
                f"max_texts of {type(self).__name__} is {self.max_texts}; at least 1 ask a prompt is needed. "
                "Raise it, or leave the annotator out."
            )
        _ = self.critiques_of

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return "critique", where no file holds critiques and nobody writes them."""
        written = self.critiques is not None or any(kind.partition(".")[0] in CRITIQUES for kind in earlier)
        return [] if written else ["critique"]

    def asks(self, prompt: Prompt, earlier: Iterable[Annotation]) -> list[Critiqued]:
        """Return what to ask about a prompt."""
        known = self.critiques_of.get(prompt.id, []) if self.critiques else [a for a in earlier if is_critique(a)]
        return self.groups(known)[: self.max_texts]

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee one request for each group in the file; what earlier annotators will write is not known yet."""
        if self.critiques is None:
            return [], self.max_texts * (1 + self.repairs)
        sure = [self.group_request(prompt, group, k) for k, group in enumerate(self.asks(prompt, ()))]
        return sure, len(sure) * (1 + self.repairs)

    def example(self, prompt: Prompt) -> Request | None:
        """Return a request about texts of typical length where they are not known yet."""
        if self.critiques is not None:
            return super().example(prompt)
        source = Provenance("", "", "", "")
        typical = Annotation(prompt.id, "critique", 0, TYPICAL_TEXT, source, answer="incorrect", subject=TYPICAL_TEXT)
        request = self.group_request(prompt, Critiqued(TYPICAL_TEXT, (typical, typical)), 0)
        return largest_repair(request) if self.repairs else request

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Ask about all of them at once."""
        groups = self.asks(asking.prompt, asking.earlier)
        return await together([self.one(asking, group, k) for k, group in enumerate(groups)])
