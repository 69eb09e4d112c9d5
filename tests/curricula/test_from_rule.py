from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from curricula import (
    Curriculum,
    EasyFirst,
    GaussianRank,
    Given,
    PerRound,
    Replay,
    Shuffled,
    plan,
    read_signals,
    write_signals,
)
from curricula.from_rule import built, lessons_of, timetable_of
from curricula.mixtures.base import Mixture
from curricula.mixtures.prefix import PrefixPool
from curricula.pacing.root import RootPacing
from curricula.selection.band import Band
from curricula.timetable import Planned, Procedural, Timetable
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet

MakeLessons = Callable[..., LessonSet]


def made(make_lessons: MakeLessons, hears: bool):
    """A plan of 5 updates of 4, from the 8 easier of 10 lessons; its mixture is called one that hears where asked."""
    lessons = make_lessons([float(k) for k in range(10)])
    mixture = PrefixPool(RootPacing(0.5)) if hears else None
    found = plan(
        lessons, [Given()], EasyFirst(), order_by="given_difficulty", passes=2.5, seed=5,
        select=[Band("given_difficulty", high=7)], mixture=mixture, lessons_per_update=4,
    )  # fmt: skip
    return lessons, replace(found.curriculum, rule={**found.curriculum.rule, "hears": hears}), found.signals


def drawn(timetable: Timetable) -> list[list[int]]:
    return [timetable.draw(k).places.tolist() for k in range(timetable.updates)]


@pytest.mark.parametrize("hears", [False, True])
def test_training_follows_the_entries_where_nothing_is_heard(
    make_lessons: MakeLessons, tmp_path: Path, hears: bool
) -> None:
    lessons, curriculum, signals = made(make_lessons, hears)
    curriculum.write(tmp_path)
    write_signals(tmp_path / "signals.parquet", signals)
    curriculum, signals = Curriculum.read(tmp_path), read_signals(tmp_path / "signals.parquet")
    timetable = timetable_of(curriculum, lessons, signals, 4, np.ones(10, bool))
    assert isinstance(timetable, Procedural if hears else Planned)
    assert [n for update in drawn(timetable) for n in update] == curriculum.positions_in(lessons).tolist()
    assert lessons_of(curriculum, lessons, signals).tolist() == list(range(8))


@pytest.mark.parametrize("hears", [False, True])
def test_lessons_that_cannot_be_trained_on_never_come(make_lessons: MakeLessons, hears: bool) -> None:
    lessons, curriculum, signals = made(make_lessons, hears)
    usable = np.arange(10) % 3 != 0
    seen = {n for update in drawn(timetable_of(curriculum, lessons, signals, 4, usable)) for n in update}
    assert seen == {1, 2, 4, 5, 7}


def test_a_share_per_round_is_that_of_the_plans_round_also_in_training(make_lessons: MakeLessons) -> None:
    lessons = make_lessons([float(k % 2) for k in range(40)])
    mixture = Replay(GaussianRank(width=9.0, step=4.0), "given_difficulty", ["1"], PerRound([0.25, 0.75]))
    for number, replayed in ((0, 2), (1, 6), (2, 6)):
        curriculum, signals = plan(
            lessons, [Given()], Shuffled(), passes=2, mixture=mixture, lessons_per_update=8, round_number=number
        )
        assert curriculum.rule["round"] == number
        for timetable in (
            Planned(curriculum.positions_in(lessons), curriculum.weight, curriculum.stage, 8),
            timetable_of(curriculum, lessons, signals, 8, np.ones(40, bool)),
        ):
            assert [sum(place % 2 for place in update) for update in drawn(timetable)] == [replayed] * 10


def test_a_plan_that_hears_needs_its_signals_and_its_number_of_lessons(make_lessons: MakeLessons) -> None:
    lessons, curriculum, signals = made(make_lessons, True)
    everything = np.ones(10, bool)
    with pytest.raises(DataError, match=r"training needs its signals.parquet beside curriculum.parquet"):
        timetable_of(curriculum, lessons, None, 4, everything)
    with pytest.raises(DataError, match=r"holds no column 'rank'.*Plan again"):
        lessons_of(curriculum, lessons, replace(signals, rank=None))
    with pytest.raises(ConfigError, match="draws 4 lessons an update, training wants 8"):
        timetable_of(curriculum, lessons, signals, 8, everything)


def test_a_part_is_built_again_from_its_description() -> None:
    from curricula.description import describe

    mixture = PrefixPool(RootPacing(power=3.0), window=0.5)
    again = built(describe(mixture), Mixture)
    assert describe(again) == describe(mixture)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"class_path": "no.such.Mixture", "init_args": {}}, r"made with no.such.Mixture, which cannot be imported"),
        ({"class_path": "pathlib.Path", "init_args": {}}, r"made with pathlib.Path, which is no Mixture"),
        (
            {"class_path": "curricula.mixtures.prefix.PrefixPool", "init_args": {"speed": 2}},
            r"no longer takes its settings .*speed.*Plan again with this version",
        ),
    ],
)
def test_what_cannot_be_built_again_is_said(description, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        built(description, Mixture)
