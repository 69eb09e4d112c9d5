"""Texts and questions for a scorer: one thing to learn in a sequence, the number at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lessons.errors import RenderingError
from lessons.pairings.scores import GRADE, candidates
from lessons.records import Lesson, Message, Prompt
from students.encoder import Encoder
from students.renderings.base import Example, Exercise, Rendering

__all__ = ["ClassifiedQuestions", "ScoredTexts"]

PART = "score"


class ScoredTexts(Rendering):
    """Shows the texts about a prompt that somebody scored, each to be scored by the student (`students.Scorer`).

    A lesson is a prompt with all its texts, each a sequence of its own; it stays whole in one micro-batch. The one
    supervised position is the end-of-turn token, after which a placeholder stands that no one predicts. Plan and train
    without `target`: a lesson a prompt.

    Args:
        of: The kind of the texts, such as "rationale".
        scored_by: "grade" for the grader's marks, or the kind of the annotations that judge such texts ("judgement",
            "rubric_grade", "quality"); several judges are averaged.
        fewest: Prompts with fewer scored texts are left out and counted; 2 where margins are learnt.
        most: At most so many texts of a prompt, the first ones; None for all.
        rendering: How the question is put, by its form at the exam; None: as it is.
    """

    def __init__(
        self,
        of: str = "rationale",
        scored_by: str = GRADE,
        fewest: int = 2,
        most: int | None = None,
        rendering: Rendering | None = None,
    ) -> None:
        self.of = of
        self.scored_by = scored_by
        self.fewest = fewest
        self.most = most
        self.rendering = rendering

    @property
    def parts(self) -> dict[str, float]:
        """One part: all sequences count alike."""
        return {PART: 1.0}

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why a lesson teaches nothing: it has too few scored texts."""
        if len(self.exercises(lesson)) >= max(1, self.fewest):
            return None
        return f"they have fewer than {max(1, self.fewest)} texts of kind {self.of!r} scored by {self.scored_by!r}"

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with each text, its score as reward."""
        asked = self.exam_messages(lesson.prompt)
        found = candidates(lesson, self.of, self.scored_by)[: self.most]
        return [Exercise(asked, text.text, PART, reward=text.score) for text in found]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as it is put."""
        return prompt.messages if self.rendering is None else self.rendering.exam_messages(prompt)

    def render_batch(self, lessons: Sequence[Lesson], encoder: Encoder) -> Iterator[list[Example]]:
        """Yield the sequences of each lesson, with nothing supervised but the end of the turn."""
        for examples in super().render_batch(lessons, encoder):
            yield [
                replace(e, input_ids=[*e.input_ids, encoder.end_of_turn], weights=[0.0] * len(e.input_ids) + [1.0])
                for e in examples
            ]


class ClassifiedQuestions(Rendering):
    """Shows questions whose reference names a class, to be classified by a `students.Scorer` with labels.

    The one supervised position is the last token before an answer would begin.

    Args:
        of: The kind of the annotations that hold a teacher's logits for the classes.
        key: Where in their `data`: a mapping from the names of the classes to numbers.
        rendering: How the question is put, by its form at the exam; None: as it is.
    """

    def __init__(self, of: str = "class_scores", key: str = "logits", rendering: Rendering | None = None) -> None:
        self.of = of
        self.key = key
        self.rendering = rendering

    @property
    def parts(self) -> dict[str, float]:
        """One part: all questions count alike."""
        return {PART: 1.0}

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with the name of its class."""
        if lesson.prompt.reference is None:
            raise RenderingError(
                f"Lesson {lesson.id!r} has no reference; needed is the name of its class. Map the data's label column "
                "to `reference`, or leave such prompts out."
            )
        return [Exercise(self.exam_messages(lesson.prompt), lesson.prompt.reference, PART)]

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as it is put."""
        return prompt.messages if self.rendering is None else self.rendering.exam_messages(prompt)

    def logits(self, lesson: Lesson, labels: Sequence[str]) -> list[float]:
        """Return the teacher's logit of every class.

        Raises:
            RenderingError: The teacher gave none, or not one for every class.
        """
        annotation = lesson.annotation(self.of)
        given = annotation.data.get(self.key) if annotation is not None else None
        if not isinstance(given, dict) or set(given) != set(labels):
            raise RenderingError(
                f"Lesson {lesson.id!r} has {given!r} as {self.key!r} of an annotation of kind {self.of!r}. Needed is a "
                f"number for each of {', '.join(labels)}. Correct the annotations, or `of`, `key` and the scorer's "
                "`labels`."
            )
        return [float(given[label]) for label in labels]

    def render_batch(self, lessons: Sequence[Lesson], encoder: Encoder) -> Iterator[list[Example]]:
        """Yield one sequence a lesson: the question, up to where the answer would begin."""
        asked = [self.exercises(lesson)[0].messages for lesson in lessons]
        for lesson, ids in zip(lessons, encoder.prompts(asked), strict=True):
            yield [Example(lesson.id, [*ids, encoder.end_of_turn], [0.0] * len(ids) + [1.0], PART)]
