from __future__ import annotations

from collections.abc import Callable

import pytest
import scipy.stats

from curricula import EasyFirst, Length, Shuffled, TeacherLabel, Tiers, explain, plan, summarise
from curricula.orderings.blurred import Blurred
from lessons.errors import CheckpointMismatch, DataError
from lessons.lesson_set import LessonSet

Make = Callable[..., LessonSet]
BY = "teacher_difficulty"


def test_the_summary_states_size_rule_and_signals(make_lessons: Make) -> None:
    lessons = make_lessons([0.9, None, 0.1, 0.5])
    rows = dict(summarise(*plan(lessons, [TeacherLabel(), Length()], EasyFirst("last"), BY, passes=2.5, seed=3)))
    assert rows["lessons"] == "4"
    assert rows["entries"] == "10 (2.50 passes)"
    assert rows["each lesson comes"] == "2 or 3 times"
    assert rows["ordering"] == "EasyFirst(missing='last')"
    assert rows["ordered by"] == BY
    assert rows["stages"] == "3 (1 tier a pass)"
    assert rows["weights"] == "all 1"
    assert rows[BY] == "0.1 to 0.9, median 0.5, 3 different values, 1 missing"
    assert rows["question_characters"] == "17 to 17, median 17 characters, 1 different value"
    assert rows["seed"] == "3"
    assert rows["lessons fingerprint"] == lessons.fingerprint[:16]


def test_the_summary_warns_when_difficulty_is_length_in_disguise(make_lessons: Make) -> None:
    lessons = make_lessons([k / 200 for k in range(120)])  # longer numbers later
    rows = dict(summarise(*plan(lessons, [TeacherLabel(), Length()], EasyFirst(), BY)))
    expected = scipy.stats.spearmanr(range(120), [len(str(k)) for k in range(120)]).statistic
    assert rows[f"reliability of {BY}"] == (
        f"0% of the lessons tied, {expected:+.2f} with question_characters (a length)"
    )


def test_an_order_by_chance_does_not_claim_a_signal(make_lessons: Make) -> None:
    lessons = make_lessons([0.1, 0.9])
    recorded = dict(summarise(*plan(lessons, [TeacherLabel("quality"), TeacherLabel()], Shuffled(), BY)))
    assert recorded["ordered by"] == "no signal (teacher_difficulty is only recorded)"
    assert recorded["each lesson comes"] == "once"
    assert recorded["teacher_quality"] == "no lesson has a value"
    assert dict(summarise(*plan(lessons, [], Shuffled())))["ordered by"] == "no signal"


def test_nested_orderings_are_named_in_full(make_lessons: Make) -> None:
    made = plan(make_lessons([0.1, 0.9]), [TeacherLabel()], Blurred(EasyFirst(), 0.5), BY)
    assert dict(summarise(*made))["ordering"] == "Blurred(ordering=EasyFirst(missing='error'), width=0.5)"


def test_an_explanation_says_where_and_why(make_lessons: Make) -> None:
    made = plan(make_lessons([0.1, 0.5, 0.5, 0.9]), [Length(), TeacherLabel()], Tiers(3), BY, passes=2)
    lines = explain(*made, "p3").split("\n")
    assert lines == [
        "Lesson 'p3' comes 2 times, at 4 of 8 (pass 1, tier 3 of 3) and 8 of 8 (pass 2, tier 3 of 3).",
        "Rule: Tiers(tiers=3, missing='error'), ordered by teacher_difficulty; seed 0.",
        "teacher_difficulty: 0.9, above 75% of the lessons with a value.",
        "question_characters: 17 characters, above 0% of the lessons with a value, "
        "tied with 3 others (ties are shuffled).",
    ]
    assert "0.5, above 25% of the lessons with a value, tied with 1 other (ties" in explain(*made, "p1")


def test_an_explanation_says_why_a_lesson_was_cut(make_lessons: Make) -> None:
    made = plan(make_lessons([0.1, 0.5, 0.9]), [TeacherLabel()], EasyFirst(), BY, passes=0.7)
    assert "'p2' is not in the plan: the plan stops after 2 entries (0.67 passes)" in explain(*made, "p2")
    assert "comes once, at 1 of 2 (pass 1)." in explain(*made, "p0")


def test_an_explanation_admits_a_missing_value(make_lessons: Make) -> None:
    made = plan(make_lessons([0.1, None]), [TeacherLabel()], EasyFirst("last"), BY)
    assert "teacher_difficulty: no value (1 of 2 lessons have none)." in explain(*made, "p1")


def test_an_unknown_lesson_gets_the_nearest_ids(make_lessons: Make) -> None:
    made = plan(make_lessons([0.1, 0.5]), [], Shuffled())
    with pytest.raises(DataError, match=r"no lesson 'p11' among the 2 .* for example 'p1'.*\. Correct the id"):
        explain(*made, "p11")


def test_parts_of_two_plans_do_not_go_together(make_lessons: Make) -> None:
    one, two = (plan(make_lessons(labels), [TeacherLabel()], Shuffled()) for labels in ([0.1, 0.2], [0.1]))
    with pytest.raises(CheckpointMismatch, match=r"both must come from one plan\. Give the signals\.parquet"):
        summarise(one.curriculum, two.signals)
