"""What training follows: a plan's folder with its signals, every lesson once without one, and updates that grow."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curricula import Curriculum, EasyFirst, Given, Timetable, plan, write_signals
from curricula.batch_ramp import BatchRamp
from lessons.errors import ConfigError, DataError
from lessons.lesson_set import LessonSet
from lightning_modules import CurriculumDataModule, SupervisedModule
from lightning_modules.data.training_plan import TrainingPlan
from students import Student


@pytest.fixture(scope="module")
def lessons(round_folder: Path) -> LessonSet:
    return LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")


def drawn(timetable: Timetable) -> list[list[int]]:
    return [timetable.draw(update).places.tolist() for update in range(timetable.updates)]


def test_without_a_folder_every_usable_lesson_comes_once(lessons: LessonSet) -> None:
    follows = TrainingPlan.read(None)
    assert follows.draws_from(lessons).tolist() == list(range(21))
    usable = np.arange(21) % 2 == 0
    timetable = follows.timetable(lessons, usable, 4)
    assert drawn(timetable) == [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18, 20]]
    assert follows.rule(timetable) == ""


def test_with_a_folder_its_entries_come_in_their_order(round_folder: Path, lessons: LessonSet) -> None:
    follows, written = TrainingPlan.read(str(round_folder)), Curriculum.read(round_folder).positions_in(lessons)
    assert follows.draws_from(lessons).tolist() == sorted(set(written.tolist()))
    usable = np.arange(21) != written[0]
    timetable = follows.timetable(lessons, usable, 8)
    assert list(chain.from_iterable(drawn(timetable))) == [place for place in written.tolist() if place != written[0]]
    assert follows.rule(timetable) == ""  # its entries tell it from others


def test_signals_are_those_beside_the_plan(round_folder: Path, lessons: LessonSet, tmp_path: Path) -> None:
    made = plan(lessons, [Given()], EasyFirst(), order_by="given_difficulty")
    made.curriculum.write(tmp_path)
    write_signals(tmp_path / "signals.parquet", made.signals)
    found = TrainingPlan.read(str(tmp_path)).signal("given_difficulty")
    assert found.tolist() == [lesson.prompt.difficulty for lesson in lessons]
    for folder in (str(round_folder), None):
        with pytest.raises(DataError, match=r"'topic' was asked for, but no signals.*beside curriculum.*Plan again"):
            TrainingPlan.read(folder).signal("topic")


def test_updates_grow_along_a_ramp(data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student]) -> None:
    batches = data(8, ramp=BatchRamp(2, 3)).build(tiny().encoder)
    sizes = [batches.numbered(k).plan.update_lessons for k in range(len(batches))]
    assert sizes == [2, 4, 6, 8, 8, 8, 6]
    flat = [name for k in range(len(batches)) for name in batches.numbered(k).plan.lesson_ids]
    plain = data(8).build(tiny().encoder)
    assert sorted(flat) == sorted(n for k in range(len(plain)) for n in plain.numbered(k).plan.lesson_ids)


def test_a_ramp_that_starts_too_low_is_refused(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student], trainer: Callable[..., Any]
) -> None:
    with pytest.raises(ConfigError, match=r"data.ramp starts with 1 lessons an update.*each of the 2 micro-batches"):
        trainer(accumulate_grad_batches=2).fit(SupervisedModule(tiny()), data(8, ramp=BatchRamp(1, 3)))
