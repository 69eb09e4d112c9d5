"""Every text about a prompt once, the good ones and the bad ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lessons.pairings import GRADE, Candidate, candidates
from lessons.records import Lesson, Message, Prompt
from students.encoder import Encoder
from students.renderings.base import Example, Exercise, Rendering
from students.renderings.pairs import CHOSEN, REJECTED

__all__ = ["MISMATCHED", "Contrasts"]

MISMATCHED = "mismatched"
"""The part of answers to other questions."""


class Contrasts(Rendering):
    """Shows the good and the bad texts about a prompt, for preference losses that need no pairs (KTO, AFT, UFT, NPO).

    A lesson is a prompt with all its texts, each with its score as reward; good ones count as chosen, bad ones as
    rejected. Prompts without any text are left out and counted. Plan and train without `target`: a lesson a prompt.

    Args:
        of: The kind of the texts, such as "rationale".
        scored_by: "grade" for the grader's mark, or the kind of annotations that judge such texts.
        good_from: Texts with at least this score are good; 1 is the score of right answers.
        both_sides: Leave out prompts that have only good texts, or only bad ones.
        texts_per_side: At most so many good and so many bad texts of one prompt; None for all.
        mismatched: Add to every prompt a text about the next one. These carry no loss; `KTO` measures with them how far
            the student is from its reference.
        rendering: How the question is put, by its form at the exam; None: as it is.
    """

    def __init__(
        self,
        of: str = "rationale",
        scored_by: str = GRADE,
        good_from: float = 1.0,
        both_sides: bool = False,
        texts_per_side: int | None = None,
        mismatched: bool = False,
        rendering: Rendering | None = None,
    ) -> None:
        self.of = of
        self.scored_by = scored_by
        self.good_from = good_from
        self.both_sides = both_sides
        self.texts_per_side = texts_per_side
        self.mismatched = mismatched
        self.rendering = rendering

    @property
    def parts(self) -> dict[str, float]:
        """The two sides, and the mismatched texts where there are any."""
        return {CHOSEN: 1.0, REJECTED: 0.0, **({MISMATCHED: 0.0} if self.mismatched else {})}

    def left_out(self, lesson: Lesson) -> str | None:
        """Return why a lesson teaches nothing."""
        good, bad = self.sides(lesson)
        if not good and not bad:
            return f"they have no {self.of} with a score"
        if self.both_sides and not (good and bad):
            return f"every {self.of} of theirs is {'good' if good else 'bad'}"
        return None

    def sides(self, lesson: Lesson) -> tuple[list[Candidate], list[Candidate]]:
        """Return the good and the bad texts of a lesson."""
        found = candidates(lesson, self.of, self.scored_by)
        good, bad = ([text for text in found if (text.score >= self.good_from) is side] for side in (True, False))
        return good[: self.texts_per_side], bad[: self.texts_per_side]

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with its good texts, then its bad ones."""
        asked = self.exam_messages(lesson.prompt)
        return [
            Exercise(asked, text.text.strip(), part, reward=text.score)
            for part, side in zip((CHOSEN, REJECTED), self.sides(lesson), strict=True)
            for text in side
        ]

    def render_batch(self, lessons: Sequence[Lesson], encoder: Encoder) -> Iterator[list[Example]]:
        """Yield the training sequences of each lesson, with another's text at the end where that is wished."""
        strangers = (
            Strangers(self, lessons).render_batch(lessons, encoder) if self.mismatched else [[] for _ in lessons]
        )
        for own, others in zip(super().render_batch(lessons, encoder), strangers, strict=True):
            yield own + others

    def exam_messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """Return the question as it is put."""
        return prompt.messages if self.rendering is None else self.rendering.exam_messages(prompt)


class Strangers(Rendering):
    """Shows every prompt with the first text about the next one, the last with that of the first.

    Args:
        rendering: Whose texts these are.
        lessons: All the lessons that are rendered together.
    """

    def __init__(self, rendering: Contrasts, lessons: Sequence[Lesson]) -> None:
        self.rendering = rendering
        self.next_of = dict(zip((lesson.id for lesson in lessons), [*lessons[1:], *lessons[:1]], strict=True))

    def exercises(self, lesson: Lesson) -> list[Exercise]:
        """Return the question with a text about another; nothing where there is no other."""
        other = self.next_of[lesson.id]
        if other.prompt.id == lesson.prompt.id:
            return []
        good, bad = self.rendering.sides(other)
        return [Exercise(self.rendering.exam_messages(lesson.prompt), (good + bad)[0].text.strip(), MISMATCHED)]
