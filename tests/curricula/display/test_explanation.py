from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from curricula import (
    Band,
    Best,
    Category,
    Dial,
    Distinct,
    EasyFirst,
    Gate,
    Glide,
    GroupMixture,
    Mixture,
    Plan,
    PrefixPool,
    RootPacing,
    Steady,
    TeacherLabel,
    WeightedLoss,
    draw,
    explain,
    plan,
    summarise,
)
from lessons.lesson_set import LessonSet

Make = Callable[..., LessonSet]
BY = "teacher_difficulty"


@pytest.fixture(scope="module")
def lessons(make_lessons: Make) -> LessonSet:
    return make_lessons([0.1 * k for k in range(8)], [{"skill": "ab"[k % 2]} for k in range(8)])


@pytest.fixture(scope="module")
def selected(lessons: LessonSet) -> Plan:
    select = [Band(BY, 0.15), Best(BY, count=4, which="lowest")]
    return plan(lessons, [TeacherLabel(), Category("metadata.skill")], EasyFirst(), BY, select=select)


def drawn(made: Plan, folder: Path) -> str:
    """Return the picture's text."""
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none"}):
        draw(*made, folder / "curriculum.svg")
    return (folder / "curriculum.svg").read_text(encoding="utf-8")


def mixed(lessons: LessonSet, mixture: Mixture) -> Plan:
    signals = [TeacherLabel(), Category("metadata.skill")]
    return plan(lessons, signals, EasyFirst(), BY, passes=3, mixture=mixture, lessons_per_update=4)


def test_a_lesson_left_out_is_told_by_which_selector_and_why(selected: Plan) -> None:
    assert explain(*selected, "p0").startswith(
        "Lesson 'p0' is not in the plan: Band(by='teacher_difficulty', low=0.15, keep_missing=False), "
        "selector 1 of 2, left it out: teacher_difficulty below 0.15.\n"
    )
    assert "selector 2 of 2, left it out: teacher_difficulty too high.\n" in explain(*selected, "p7")
    assert "skill: b, with 3 others." in explain(*selected, "p7")
    assert explain(*selected, "p3").startswith("Lesson 'p3' comes once, at 2 of 4 (pass 1).\n")


def test_a_repeat_is_told_what_stands_for_it(make_lessons: Make) -> None:
    lessons = make_lessons([0.5] * 3)
    made = plan(lessons, [TeacherLabel()], EasyFirst(), BY, select=[Distinct("annotation")])
    assert "comes once" in explain(*made, "p1")  # none has such a text
    made = plan(lessons, [TeacherLabel()], EasyFirst(), BY, select=[Distinct("difficulty")])
    assert "left it out: has the same difficulty as another ('p0' stands for it)." in explain(*made, "p2")


def test_a_drawn_lesson_is_told_its_updates_and_its_place_in_the_order(lessons: LessonSet) -> None:
    made = mixed(lessons, PrefixPool(RootPacing(0.25, 1.0, 1.0)))
    lines = explain(*made, "p1").split("\n")
    assert re.match(r"Lesson 'p1' comes \d times, at \d+ of 24 \(update \d, stage 1\)", lines[0])
    assert lines[1].startswith("Rule: PrefixPool(pacing=RootPacing(initial_share=0.25, power=1.0, full_at=1.0))")
    assert "draws 4 lessons an update from EasyFirst(missing='error'), ordered by teacher_difficulty" in lines[1]
    assert lines[2] == "In the order that is drawn from it is number 2 of 8."
    never = mixed(lessons, PrefixPool(Steady(0.25)))
    assert "'p7' was not left out, but in 24 draws it was never drawn" in explain(*never, "p7")
    assert " and 6 more." in explain(*never, "p0")


def test_a_plan_that_hears_is_called_a_preview(lessons: LessonSet) -> None:
    made = mixed(lessons, PrefixPool(Gate([0.5, 1.0], threshold=0.1)))
    assert "if it is drawn as foreseen: training draws by what it hears." in explain(*made, "p0")
    rows = dict(summarise(*made))
    assert rows["lessons drawn"].startswith("4 an update; what is written here is a preview")
    assert rows["mixture"].startswith("PrefixPool(pacing=Gate(shares=[0.5, 1.0], figure='loss'")
    assert rows["each lesson comes"] == "never to 6 times"


def test_a_mixture_that_draws_in_no_order_is_not_said_to_be_ordered(lessons: LessonSet, tmp_path: Path) -> None:
    made = mixed(lessons, GroupMixture("skill"))
    rows = dict(summarise(*made))
    assert rows["ordering"] == "none: the mixture does not draw along EasyFirst(missing='error')"
    assert rows["ordered by"] == "no signal (teacher_difficulty is only recorded)"
    assert "draws 4 lessons an update, in no order; seed 0." in explain(*made, "p0")
    assert "In the order" not in explain(*made, "p0")
    text = drawn(made, tmp_path)
    assert "GroupMixture: 8 lessons, 3 passes, 24 entries" in text
    assert "drawn along" not in text
    assert "ordered by this" not in text
    along = drawn(mixed(lessons, PrefixPool(RootPacing())), tmp_path)
    assert "PrefixPool over EasyFirst by teacher_difficulty: 8 lessons" in along
    assert "Teacher difficulty (the mixture draws along this)" in along


def test_views_and_weights_are_shown(lessons: LessonSet, tmp_path: Path) -> None:
    made = mixed(lessons, WeightedLoss(Dial(PrefixPool(Steady()), Glide(), views=3), BY))
    rows = dict(summarise(*made))
    assert rows["shown in views"] == "0: 33%, 1: 33%, 2: 33%"
    assert rows["weights"] == "0 to 0.7"
    first, weight = made.curriculum.lesson_ids[0], made.curriculum.weight[0]
    assert f"at 1 of 24 (update 1, stage 1, shown in view 0, weight {weight:.3g})" in explain(*made, first)
    text = drawn(made, tmp_path)
    for words in (
        "View that the lessons are shown in: share of the entries",
        "view 2",
        "Weight in the loss",
        "WeightedLoss(Dial(PrefixPool)) over EasyFirst by teacher_difficulty",
    ):
        assert words in text
    assert "View that" not in drawn(mixed(lessons, PrefixPool(Steady())), tmp_path)


def test_the_summary_counts_what_each_selector_left(selected: Plan) -> None:
    rows = dict(summarise(*selected))
    assert rows["selected by Band(by='teacher_difficulty', low=0.15, keep_missing=False)"] == "6 (2 left out)"
    assert [value for name, value in rows.items() if name.startswith("selected by Best")] == ["4 (2 left out)"]
    assert rows["lessons"] == "8"
    assert rows["entries"] == "4 (1.00 passes)"
    assert rows["skill"] == "2 categories, from 4 (a) to 4 (a) lessons"


def test_mixtures_and_selections_can_be_drawn(lessons: LessonSet, selected: Plan, tmp_path: Path) -> None:
    for number, made in enumerate((selected, mixed(lessons, PrefixPool(Gate([0.5, 1.0], threshold=0.1))))):
        draw(*made, tmp_path / f"{number}.svg")
    text = (tmp_path / "1.svg").read_text(encoding="utf-8")
    assert "Skill: share of the entries" in text
    assert "PrefixPool over EasyFirst by teacher_difficulty: 8 lessons, 3 passes, 24 entries, foreseen without" in text
    assert np.isfinite(selected.curriculum.score).all()
