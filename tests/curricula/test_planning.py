from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curricula import Curriculum, EasyFirst, Given, HardFirst, Length, Ordering, Shuffled, TeacherLabel, Tiers, plan
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

Make = Callable[..., LessonSet]
BY = "teacher_difficulty"

ratings = st.lists(st.integers(0, 9).map(lambda level: level / 9), min_size=1, max_size=25)
orderings = st.sampled_from([Shuffled(), EasyFirst(), HardFirst(), Tiers(3), Tiers(2, missing="last")])
numbers_of_passes = st.one_of(st.integers(1, 4), st.floats(0.05, 4.0))


class Forgetful(Ordering):
    """Loses one lesson and repeats another."""

    def order(self, scores: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return np.zeros(len(scores), np.int64)


def planned(lessons: LessonSet, ordering: Ordering, passes: float = 1, minimum: int = 0, seed: int = 0) -> Curriculum:
    return plan(lessons, [TeacherLabel(), Length()], ordering, BY, passes, minimum, seed).curriculum


@settings(max_examples=60)
@given(labels=ratings, ordering=orderings, passes=numbers_of_passes, seed=st.integers(0, 99))
def test_every_lesson_comes_as_often_as_the_rule_says(
    make_lessons: Make, labels: list[float], ordering: Ordering, passes: float, seed: int
) -> None:
    lessons = make_lessons(labels)
    made = planned(lessons, ordering, passes, seed=seed)
    times = Counter(made.lesson_ids)
    assert len(made) == max(1, round(len(lessons) * passes))
    assert set(times) <= set(lessons.ids)
    assert {times[name] for name in lessons.ids} <= {math.floor(passes), math.ceil(passes)}
    assert made.counts["least_repeats"] == min(times[name] for name in lessons.ids)
    assert made.counts["most_repeats"] == max(times.values())
    for number in range(math.floor(passes)):
        block = made.lesson_ids[number * len(lessons) : (number + 1) * len(lessons)]
        assert sorted(block) == sorted(lessons.ids)


@settings(max_examples=30)
@given(labels=ratings, ordering=orderings, passes=numbers_of_passes, seed=st.integers(0, 99))
def test_the_same_seed_gives_the_same_plan(
    make_lessons: Make, labels: list[float], ordering: Ordering, passes: float, seed: int
) -> None:
    one, two = (planned(make_lessons(labels), ordering, passes, seed=seed) for _ in range(2))
    assert one.fingerprint == two.fingerprint
    assert (one.lesson_ids == two.lesson_ids).all()


@settings(max_examples=30)
@given(labels=ratings, ordering=orderings, passes=st.floats(0.1, 3), more=st.integers(0, 40))
def test_a_longer_plan_begins_with_the_shorter_one(
    make_lessons: Make, labels: list[float], ordering: Ordering, passes: float, more: int
) -> None:
    short = planned(make_lessons(labels), ordering, passes)
    long = planned(make_lessons(labels), ordering, passes, minimum=len(short) + more)
    assert len(long) == len(short) + more
    assert (long.lesson_ids[: len(short)] == short.lesson_ids).all()


@settings(max_examples=30)
@given(labels=ratings, passes=st.integers(1, 3), tiers=st.integers(1, 4))
def test_stages_count_passes_and_tiers_and_never_fall(
    make_lessons: Make, labels: list[float], passes: int, tiers: int
) -> None:
    made = planned(make_lessons(labels), Tiers(tiers), passes)
    assert (np.diff(made.stage) >= 0).all()
    assert made.tiers_per_pass == min(tiers, len(set(labels)))
    assert made.counts["stages"] == passes * made.tiers_per_pass
    assert made.pass_number.tolist() == [k // len(labels) for k in range(len(made))]
    for stage in set(made.stage[made.pass_number == 0]):
        inside, after = made.score[made.stage == stage], made.score[(made.stage > stage) & (made.pass_number == 0)]
        assert not len(after) or inside.max() < after.min()


def test_scores_rise_within_every_pass_of_easy_first(make_lessons: Make) -> None:
    made = planned(make_lessons([0.9, 0.1, 0.5, 0.1]), EasyFirst(), 2.5)
    assert made.score.tolist() == [0.1, 0.1, 0.5, 0.9, 0.1, 0.1, 0.5, 0.9, 0.1, 0.1]
    assert made.stage.tolist() == [0] * 4 + [1] * 4 + [2] * 2
    assert made.weight.tolist() == [1.0] * 10


def test_passes_differ_from_one_another_and_seeds_from_seeds(make_lessons: Make) -> None:
    lessons = make_lessons([0.5] * 20)
    for ordering in (Shuffled(), EasyFirst(), HardFirst(), Tiers()):
        made = planned(lessons, ordering, 2)
        other = planned(lessons, ordering, 2, seed=1)
        assert (made.lesson_ids[:20] != made.lesson_ids[20:]).any()
        assert made.fingerprint != other.fingerprint


def test_a_shuffled_control_records_the_scores_it_does_not_use(make_lessons: Make) -> None:
    made = planned(make_lessons([0.1, None, 0.9]), Shuffled())
    assert sorted(made.score, key=str) == pytest.approx([0.1, 0.9, np.nan], nan_ok=True)
    blind = plan(make_lessons([0.1, 0.9]), [], Shuffled()).curriculum
    assert np.isnan(blind.score).all()


def test_the_rule_tells_how_the_plan_was_made(make_lessons: Make) -> None:
    rule = planned(make_lessons([0.1, 0.9]), Tiers(2), 1.5, minimum=4).rule
    assert rule["ordering"] == {"class_path": "curricula.Tiers", "init_args": {"tiers": 2, "missing": "error"}}
    assert [signal["class_path"] for signal in rule["signals"]] == ["curricula.TeacherLabel", "curricula.Length"]
    assert (rule["order_by"], rule["passes"], rule["minimum_length"], rule["needs_scores"]) == (BY, 1.5, 4, True)


def test_an_unknown_signal_to_order_by_is_named_with_those_there_are(make_lessons: Make) -> None:
    with pytest.raises(DataError, match=r"no signal 'loss'; there are: teacher_difficulty, given_difficulty\. Choose"):
        plan(make_lessons([0.1]), [TeacherLabel(), Given()], EasyFirst(), "loss")


def test_an_ordering_that_needs_scores_asks_for_a_signal(make_lessons: Make) -> None:
    with pytest.raises(ConfigError, match=r"EasyFirst needs a signal .* signals: teacher_difficulty\. Set order_by"):
        plan(make_lessons([0.1]), [TeacherLabel()], EasyFirst())


def test_missing_scores_are_named_by_signal_source_and_lesson(make_lessons: Make) -> None:
    with pytest.raises(
        DataError,
        match=r"Cannot order by 'teacher_difficulty': 1 of 3 scores are missing, the first at row 1\. .*"
        r"kind 'difficulty'.*First lesson without: 'p1'",
    ):
        planned(make_lessons([0.1, None, 0.9]), EasyFirst())


def test_a_signal_missing_everywhere_cannot_order(make_lessons: Make) -> None:
    with pytest.raises(DataError, match=r"'teacher_quality': none of the 2 lessons .*there are: difficulty, rationale"):
        plan(make_lessons([0.1, 0.2]), [TeacherLabel("quality")], Tiers(missing="last"), "teacher_quality")


def test_an_empty_lesson_set_is_refused(make_lessons: Make) -> None:
    with pytest.raises(DataError, match=r"no lessons to plan: 0 were given and at least 1 is needed\. Check"):
        planned(make_lessons([]), Shuffled())


@pytest.mark.parametrize("passes", [0, -1, math.nan, math.inf])
def test_impossible_numbers_of_passes_are_refused(make_lessons: Make, passes: float) -> None:
    with pytest.raises(ConfigError, match=rf"passes={passes}: a positive number is needed"):
        planned(make_lessons([0.1]), Shuffled(), passes)


def test_negative_seeds_and_lengths_are_refused(make_lessons: Make) -> None:
    with pytest.raises(ConfigError, match="seed=-1: a whole number from 0 up"):
        planned(make_lessons([0.1]), Shuffled(), seed=-1)
    with pytest.raises(ConfigError, match="minimum_length=-5: a whole number from 0 up"):
        planned(make_lessons([0.1]), Shuffled(), minimum=-5)


def test_an_ordering_that_loses_lessons_is_caught(make_lessons: Make) -> None:
    with pytest.raises(ConfigError, match=r"Forgetful\.order returned 3 positions, 1 different valid ones, for 3"):
        planned(make_lessons([0.1, 0.2, 0.3]), Forgetful())
