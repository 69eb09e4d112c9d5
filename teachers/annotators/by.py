"""Another teacher does an annotator's work: one rates, one explains, one judges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from lessons.errors import ConfigError
from lessons.grading import Grader
from lessons.records import Annotation, Prompt
from teachers.annotators.base import Annotator, Asking, Fields
from teachers.annotators.prompt_calls import PromptCalls
from teachers.annotators.roll import Roll
from teachers.backend import Completion, Request, TeacherBackend

__all__ = ["By"]


class By(Annotator):
    """Lets another teacher do an annotator's work in the same run, on the same ledger and budget.

    Its annotations get the kind "<kind>.<role>", such as "difficulty.second", so that two teachers may write the same
    kind about one prompt; `teachers.agreement` tells how far they agree.

    Args:
        role: Name of the part this teacher plays, such as "second"; None keeps the annotator's kind.
        teacher: Who is asked.
        annotator: What is asked.
    """

    needs = frozenset()  # nothing from the run's teacher; `check` compares what the annotator needs with this teacher

    def __init__(self, role: str | None, teacher: TeacherBackend, annotator: Annotator) -> None:
        self.role = role
        self.teacher = teacher
        self.annotator = annotator

    @property
    def kind(self) -> str:  # type: ignore[override]  # a class attribute elsewhere; here it depends on the role
        """The annotator's kind, with the role."""
        return self.renamed(self.annotator.kind)

    @property
    def backends(self) -> tuple[TeacherBackend, ...]:
        """The teacher, and whoever the annotator asks besides."""
        return (self.teacher, *self.annotator.backends)

    def lacking(self, earlier: Collection[str]) -> list[str]:
        """Return what the annotator lacks."""
        return self.annotator.lacking(earlier)

    def check(self, grader: Grader | None) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: The role cannot be part of a name, or the teacher cannot give what the annotator needs.
        """
        if self.role is not None and not self.role.isidentifier():
            raise ConfigError(
                f"The role of By is {self.role!r}. It must be a plain name such as second or judge, because it becomes "
                "part of the annotations' kind. Correct it, or leave it out to keep the annotator's own kind."
            )
        self.annotator.check(grader)
        if missing := sorted(self.annotator.needs - self.teacher.gives):
            raise ConfigError(
                f"{type(self.annotator).__name__} needs {', '.join(missing)}, which {type(self.teacher).__name__} "
                f"cannot give (it gives {', '.join(sorted(self.teacher.gives))}). Choose another teacher for the role "
                f"{self.role!r}, or leave the annotator out."
            )

    def parse(self, completion: Completion, prompt: Prompt) -> Fields:
        """Read a completion as the annotator does."""
        return self.annotator.parse(completion, prompt)

    async def annotate(self, asking: Asking) -> list[Annotation]:
        """Let the annotator work with this teacher."""
        if asking.through is None:
            raise ConfigError("By was used outside a run: its Asking has no `through`. Use it in `distill`.")
        roll = asking.roll.inner if isinstance(asking.roll, RollOfRole) else None
        found = await self.annotator.annotate(asking.through(self.teacher)._replace(roll=roll))
        return [replace(annotation, kind=self.renamed(annotation.kind)) for annotation in found]

    def foresee(self, prompt: Prompt) -> tuple[list[Request], int]:
        """Foresee what the annotator does."""
        return self.annotator.foresee(prompt)

    def example(self, prompt: Prompt) -> Request | None:
        """Return the annotator's example."""
        return self.annotator.example(prompt)

    def foresee_others(self, prompt: Prompt, earlier: Mapping[str, int]) -> list[PromptCalls]:
        """Foresee what the annotator asks of further models."""
        return self.annotator.foresee_others(prompt, earlier)

    def roll(self) -> Roll | None:
        """Return a record for the annotator, if it keeps one."""
        inner = self.annotator.roll()
        return None if inner is None else RollOfRole(self, inner)

    def renamed(self, kind: str) -> str:
        """Return a kind with the role."""
        return kind if self.role is None else f"{kind}.{self.role}"


class RollOfRole(Roll):
    """Hands an annotator's roll what it wrote under its own kind.

    Args:
        by: Who plays the role.
        inner: The annotator's own roll.
    """

    def __init__(self, by: By, inner: Roll) -> None:
        self.by = by
        self.inner = inner

    def enroll(self, prompt: Prompt) -> None:
        """Take note of the next prompt."""
        self.inner.enroll(prompt)

    def see(self, annotation: Annotation) -> None:
        """Take note of what the annotator wrote."""
        self.inner.see(replace(annotation, kind=self.by.annotator.kind))

    def conclude(self) -> Iterable[Annotation]:
        """Return what only the whole run allows, with the role in its kind."""
        return [replace(found, kind=self.by.renamed(found.kind)) for found in self.inner.conclude()]
