"""All answers that a question got, each with the verifier's reward: the group view."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple

from lessons.errors import ConfigError, DataError
from lessons.records import Grade, Lesson, Message, Prompt
from lessons.tables import read_annotations, read_attempts
from students.renderings.answers import whole_text
from students.renderings.base import Exercise, Rendering

__all__ = ["AnswerGroups"]


class Marked(NamedTuple):
    """An answer with its mark."""

    sample: int
    """Its number among the answers to its question, as stored."""
    text: str
    """The whole answer."""
    grade: Grade
    """The verifier's mark."""
    finished: bool
    """Whether it came to its end."""


class AnswerGroups(Rendering):
    """Shows every stored answer to a question with its reward, so that losses can compare them.

    A lesson is a question with all its answers; it stays whole in one micro-batch. Losses on marked answers
    (`lightning_modules.VerifiedModule`) read the rewards. With `right_only` and `lightning_modules.SupervisedModule` it
    is rejection fine-tuning: training on one's own right answers, RFT (Yuan et al. 2023, arXiv:2308.01825; the paper
    keeps answers with distinct equations, `distinct` here those with distinct words).

    Answers that are empty are left out; one that was cut off is learnt up to where it was cut. Plan and train without
    `target`: a lesson a prompt.

    Args:
        answers: Path of the stored answers: an attempts.parquet, or a lessons.parquet with graded annotations.
        kind: The kind of the annotations that are answers ("rationale", "answer"); None: the file holds attempts.
        rendering: How the questions were put when the answers were written; None: as they are. The exam asks alike.
        reward: "correct" gives right answers 1 and others 0; "score" takes the grader's partial credit.
        one_sided: What happens to questions whose answers all have the same reward, so that there is nothing to
            compare: "leave_out" counts them and trains on the others, "keep" trains on them too.
        right_only: Keep only right answers; questions without one are left out.
        distinct: Keep one of several answers with the same words.
        answers_per_question: At most so many answers, those with the lowest sample numbers; None for all.
    """

    def __init__(
        self,
        answers: str,
        kind: str | None = None,
        rendering: Rendering | None = None,
        reward: Literal["correct", "score"] = "correct",
        one_sided: Literal["leave_out", "keep"] = "leave_out",
        right_only: bool = False,
        distinct: bool = False,
        answers_per_question: int | None = None,
    ) -> None:
        self.answers = answers
        self.kind = kind
        self.rendering = rendering
        self.reward = reward
        self.one_sided = one_sided
        self.right_only = right_only
        self.distinct = distinct
        self.answers_per_question = answers_per_question

    @cached_property
    def stored(self) -> dict[str, list[Marked]]:
        """All answers by the id of their prompt, read on first use.

        Raises:
            ConfigError: `answers_per_question` is out of range.
            DataError: The file cannot be read, or an answer has no grade.
        """
        if self.answers_per_question is not None and self.answers_per_question < 1:
            raise ConfigError(
                f"AnswerGroups got answers_per_question={self.answers_per_question}; allowed are whole numbers from 1, "
                "or nothing for all. Correct it."
            )
        found: dict[str, list[Marked]] = {}
        for prompt_id, marked in self.read():
            if marked.text.strip():
                found.setdefault(prompt_id, []).append(marked)
        for group in found.values():
            group.sort(key=lambda marked: marked.sample)
        return found

    def read(self) -> Iterator[tuple[str, Marked]]:
        """Yield the id of the prompt and the answer, for every answer in the file."""
        if self.kind is None:
            for attempt in read_attempts(self.answers):
                grade = self.graded(attempt.grade, attempt.prompt_id)
                yield attempt.prompt_id, Marked(attempt.sample, attempt.text, grade, not attempt.truncated)
            return
        for annotation in read_annotations(self.answers):
            if annotation.kind == self.kind and annotation.problem is None:
                grade = self.graded(annotation.grade, annotation.prompt_id)
                finished = annotation.provenance.finish_reason != "length"
                yield annotation.prompt_id, Marked(annotation.sample, whole_text(annotation), grade, finished)

    def graded(self, grade: Grade | None, prompt_id: str) -> Grade:
        """Return the grade.

        Raises:
            DataError: There is none.
        """
        if grade is None:
            raise DataError(
                f"An answer to the prompt {prompt_id!r} in {self.answers} has no grade; losses on marked answers need "
                "one for each. Write the answers again with a `grader`."
            )
        return grade

    def group(self, lesson: Lesson) -> list[Marked]:
        """Return the answers to a lesson's question that are trained on."""
        found = self.stored.get(lesson.prompt.id, [])
        if self.right_only:
            found = [marked for marked in found if marked.grade.correct]
        if self.distinct:
            firsts: dict[str, Marked] = {}
            for marked in found:
                firsts.setdefault(" ".join(marked.text.split()), marked)
            found = list(firsts.values())
        return found[: self.answers_per_question]

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why a question teaches nothing: no answers, or nothing to compare."""
        if lesson.prompt.id not in self.stored:
            return f"they have no answers in {self.answers}"
        found = self.group(lesson)
        if not found:
            return "none of their answers is right"
        rewards = {self.reward_of(marked.grade) for marked in found}
        if self.right_only or self.one_sided == "keep" or len(rewards) > 1:
            return None
        if rewards == {1.0}:
            return "all their answers are right, so there is nothing to compare"
        return f"all their answers are {'wrong' if rewards == {0.0} else 'alike'}, so there is nothing to compare"

    def reward_of(self, grade: Grade) -> float:
        """Return the reward of a grade."""
        return float(grade.correct) if self.reward == "correct" else grade.score

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with each of its answers."""
        asked = self.exam_messages(lesson.prompt)
        return [
            Exercise(asked, marked.text, reward=self.reward_of(marked.grade), finished=marked.finished)
            for marked in self.group(lesson)
        ]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as it was put when the answers were written."""
        return prompt.messages if self.rendering is None else self.rendering.exam_messages(prompt)
