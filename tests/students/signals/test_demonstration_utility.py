from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from curricula import FacilityLocation, Links, Pool, Relation, SignalTable
from lessons.errors import DataError
from lessons.lesson_set import LessonSet
from lessons.records import Lesson, Message
from lessons.rows import ANNOTATION_SCHEMA, PROMPT_SCHEMA, annotation_to_row, prompt_to_row
from students import RationaleThenAnswer, Student, TwoTask
from students.scoring import Scoring
from students.signals import DemonstrationUtility

Make = Callable[[int], list[Lesson]]


class AllPairs(Relation):
    """Every pair."""

    def links(self, pool: Pool) -> Links:
        covered, by = np.divmod(np.arange(len(pool) ** 2), len(pool))
        return Links(covered, by, np.ones(len(covered)))


def pool_of(lessons: list[Lesson]) -> Pool:
    prompts = pa.Table.from_pylist([prompt_to_row(lesson.prompt) for lesson in lessons], PROMPT_SCHEMA)
    written = [annotation_to_row(a) for lesson in lessons for a in lesson.annotations]
    joined = LessonSet.join(prompts, pa.Table.from_pylist(written, ANNOTATION_SCHEMA))
    return Pool.whole(joined, SignalTable(joined.ids, {}, joined.fingerprint))


def distance(student: Student, messages: list[Message], answer: str) -> float:
    """||p - 1||_2 / sqrt(T) over the answer's tokens, in float64, from one conversation read alone."""
    encoded = student.encoder.encode([(messages, answer)])[0]
    ids = encoded.prompt_ids + encoded.completion_ids
    with torch.no_grad():
        logits = student.model(input_ids=torch.tensor([ids])).logits[0].double()
    start = len(encoded.prompt_ids)
    p = [float(logits[t - 1].softmax(-1)[ids[t]]) for t in range(start, len(ids))]
    return (sum((1 - x) ** 2 for x in p) / len(p)) ** 0.5


def test_the_utility_is_how_much_nearer_the_answer_comes(tiny_student: Student, make_lessons: Make) -> None:
    lessons = make_lessons(4)
    found = DemonstrationUtility(tiny_student, RationaleThenAnswer(), AllPairs(), Scoring(200)).links(pool_of(lessons))
    exercises = [RationaleThenAnswer().exercises(lesson)[0] for lesson in lessons]
    gain = np.zeros((4, 4))
    for i, asked in enumerate(exercises):
        for j, shown in enumerate(exercises):
            before = [*shown.messages, Message("assistant", shown.answer)]
            gain[i, j] = distance(tiny_student, list(asked.messages), asked.answer)
            gain[i, j] -= distance(tiny_student, [*before, *asked.messages], asked.answer)
    expected = (gain - gain.min()) / (gain.max() - gain.min())
    worth = np.zeros((4, 4))
    worth[found.covered, found.by] = found.worth
    np.testing.assert_allclose(worth, expected, atol=1e-4)
    assert len(found.worth) == 15  # the worst pair has no worth


def test_the_tokens_of_all_exercises_count(tiny_student: Student, make_lessons: Make) -> None:
    lessons = make_lessons(2)
    relation = DemonstrationUtility(tiny_student, TwoTask(), AllPairs())
    exercises = relation.exercises(pool_of(lessons))
    found = relation.distances(exercises, np.array([1]), np.array([-1]))
    parts = [(e, tiny_student.encoder.encode([(e.messages, e.answer)])[0].completion_ids) for e in exercises[1]]
    assert len(parts) == 2
    squares = [len(ids) * distance(tiny_student, list(e.messages), e.answer) ** 2 for e, ids in parts]
    assert found[0] == pytest.approx((sum(squares) / sum(len(ids) for _, ids in parts)) ** 0.5, rel=1e-5)


def test_it_serves_facility_location(tiny_student: Student, make_lessons: Make) -> None:
    relation = DemonstrationUtility(tiny_student, RationaleThenAnswer(), AllPairs())
    pool = pool_of(make_lessons(5))
    kept = FacilityLocation(relation, count=2).select(pool, np.random.default_rng(0)).kept
    links = relation.links(pool)
    worth = np.zeros((5, 5))
    worth[links.covered, links.by] = links.worth
    assert int(worth.sum(axis=0).argmax()) in kept.tolist()


def test_lessons_that_cannot_be_shown_are_named(tiny_student: Student, make_lessons: Make) -> None:
    relation = DemonstrationUtility(tiny_student, RationaleThenAnswer(), AllPairs())
    lessons = make_lessons(3)
    with pytest.raises(DataError, match=r"cannot show lesson 'p1': .*Every lesson to choose from must have"):
        relation.links(pool_of([lessons[0], replace(lessons[1], annotations=())]))
    short = DemonstrationUtility(tiny_student, RationaleThenAnswer(), AllPairs(), Scoring(max_tokens=50))
    with pytest.raises(
        DataError, match=r"None of the 9 pairs of lessons fits into the student's context of 128 tokens"
    ):
        short.links(pool_of(lessons))
