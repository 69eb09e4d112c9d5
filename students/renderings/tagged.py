"""Questions that say what kind of answer is wanted: right or wrong, good or bad, in which style, in whose manner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal
from zlib import crc32

from lessons.errors import ConfigError, RenderingError
from lessons.records import Annotation, Lesson, Message, Prompt
from students.renderings.answers import needed
from students.renderings.base import Exercise, Rendering
from students.renderings.wrapping import Wrapping, asked

__all__ = ["TagSource", "Tagged"]

TagSource = Literal["grade", "value", "model", "kind"]


class Tagged(Wrapping):
    """Writes a tag to the question that tells how its answer came out: so a student can be asked for the good kind.

    Some published uses, each a choice of `by`, `tags` and `at_exam`:

    - Mistakes with tags, after Tong et al. 2024 (arXiv:2403.20046, unchecked; the tags' text is our reading): by
      "grade" with {right: "[CORRECT RATIONALE]", wrong: "[INCORRECT RATIONALE]"} around `RationaleThenAnswer`, lessons
      with trusted_only: false and several targets a prompt, and at_exam "right".
    - Good and bad tags, after pretraining with human feedback (Korbak et al. 2023, arXiv:2302.08582, unchecked; there a
      token for each segment, here one tag a lesson): by "value" with a `threshold`, and at_exam "high".
    - Views, after MinT (Liang et al. 2023, arXiv:2307.07951, unchecked): by "kind", one `Tagged` for each style of
      solution inside `Together`.

    A lesson keeps its tag, or keeps none, through the whole run: which are left out depends on its id and the seed.

    Args:
        rendering: What is taught.
        by: What decides: "grade" ("right" or "wrong"), "value" ("high" from the threshold, or "low"), "model" (who
            wrote it) or "kind", each of the annotation named by `of`.
        tags: The text of each tag by what decides, such as {right: "[good]", wrong: "[bad]"}; None for the name itself
            in brackets.
        of: The kind of the annotation that decides.
        threshold: From which value on `by: value` says "high".
        drop: Chance that a lesson goes without its tag, in [0, 1]; with some the student also answers without tags.
        at_exam: Which tag the exam asks with, such as "right"; None asks without.
        template: Text of the user's message; "{question}" and "{tag}" are filled in.
        seed: Decides which tags are left out.
    """

    def __init__(
        self,
        rendering: Rendering,
        by: TagSource,
        tags: dict[str, str] | None = None,
        of: str = "rationale",
        threshold: float = 0.5,
        drop: float = 0.0,
        at_exam: str | None = None,
        template: str = "{tag} {question}",
        seed: int = 0,
    ) -> None:
        super().__init__(rendering)
        self.by = by
        self.tags = tags
        self.of = of
        self.threshold = threshold
        self.drop = drop
        self.at_exam = at_exam
        self.template = template
        self.seed = seed

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the rendering's exercises, tagged.

        Raises:
            ConfigError: `drop` is no chance.
            RenderingError: What decides is unknown for the lesson, or has no tag.
        """
        if not 0 <= self.drop <= 1:
            raise ConfigError(f"Tagged got drop={self.drop}; allowed are chances from 0 to 1. Correct `drop`.")
        found = self.rendering.exercises(lesson)
        tag = self.tag(self.outcome(lesson), lesson.id)
        if crc32(f"{self.seed}/{lesson.id}".encode()) < self.drop * 2**32:
            return found
        return [replace(e, messages=asked(e.messages, self.template, tag=tag)) for e in found]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question with the tag of the exam."""
        messages = self.rendering.exam_messages(prompt)
        if self.at_exam is None:
            return messages
        return asked(messages, self.template, tag=self.tag(self.at_exam, prompt.id))

    def outcome(self, lesson: Lesson) -> str:
        """Return what decides on a lesson's tag."""
        annotation = needed(lesson, self.of, self)
        found = {"grade": right_or_wrong, "value": self.high_or_low, "model": model_of, "kind": kind_of}[self.by](
            annotation
        )
        if found is None:
            raise RenderingError(
                f"The {self.of} of lesson {lesson.id!r} has no {self.by}, by which Tagged was to tag it. Needed is one "
                f"for every lesson. Have the annotations written with one (a grader gives grades), or tag by something "
                "else."
            )
        return found

    def high_or_low(self, annotation: Annotation) -> str | None:
        """Say on which side of the threshold a value is."""
        if annotation.value is None:
            return None
        return "high" if annotation.value >= self.threshold else "low"

    def tag(self, outcome: str, name: str) -> str:
        """Return the text of a tag."""
        known: Mapping[str, str] = {outcome: f"[{outcome}]"} if self.tags is None else self.tags
        if outcome not in known:
            raise RenderingError(
                f"Tagged has no tag for {outcome!r}, which it needs for {name!r}; it has {', '.join(known) or 'none'}. "
                "Needed is one for each that occurs. Add it to `tags`."
            )
        return known[outcome]


def right_or_wrong(annotation: Annotation) -> str | None:
    """Say how an annotation was graded."""
    return None if annotation.grade is None else "right" if annotation.grade.correct else "wrong"


def model_of(annotation: Annotation) -> str | None:
    """Say who wrote it."""
    return annotation.provenance.model or None


def kind_of(annotation: Annotation) -> str:
    """Say what it is."""
    return annotation.kind
