"""Lessons shown in the view that the plan chooses: what is trained is the plan, and every total is known ahead."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning.pytorch import Callback, Trainer

from curricula import (
    Curriculum,
    Dial,
    Gate,
    Given,
    Glide,
    PrefixPool,
    RootPacing,
    Shuffled,
    Steady,
    Timetable,
    plan,
    write_signals,
)
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules import CurriculumDataModule, CurriculumFeedback, SupervisedModule, TrainingLosses
from lightning_modules.callbacks.batch_log import BatchLog
from students import RationalePrefix, RationaleThenAnswer, Student, Views, render_all

PER_UPDATE = 4
VIEWS = Views([RationalePrefix(1.0), RationalePrefix(0.5), RationaleThenAnswer()])
Data = Callable[..., CurriculumDataModule]


def planned(round_folder: Path, folder: Path, dial: Dial) -> Path:
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    made = plan(lessons, [Given()], Shuffled(), passes=2, mixture=dial, lessons_per_update=PER_UPDATE)
    made.curriculum.write(folder)
    write_signals(folder / "signals.parquet", made.signals)
    return folder


def dial_of(**settings: Any) -> Dial:
    return Dial(PrefixPool(RootPacing(0.3)), Glide(), views=3, spread="between", **settings)


def test_every_update_trains_the_planned_views_with_exact_totals(
    data: Data, tiny: Callable[..., Student], round_folder: Path, tmp_path: Path
) -> None:
    encoder = tiny().encoder
    folder = planned(round_folder, tmp_path, dial_of())
    module = data(PER_UPDATE, rendering=VIEWS, curriculum=str(folder))
    batches = module.build(encoder)
    curriculum = Curriculum.read(folder)
    assert curriculum.view is not None
    rendered = render_all(VIEWS, module.lesson_set, encoder).examples  # type: ignore[arg-type]
    assert len(batches) == len(curriculum) // PER_UPDATE
    seen = set()
    for update in range(len(batches)):
        batch, span = batches.numbered(update), slice(update * PER_UPDATE, (update + 1) * PER_UPDATE)
        wanted = sorted(zip(curriculum.lesson_ids[span], curriculum.view[span].tolist(), strict=True))
        assert sorted(zip(batch.plan.lesson_ids, batch.plan.lesson_views, strict=True)) == wanted
        shown = [e for name, view in wanted for e in rendered[name] if e.view == view]
        assert batch.totals.tolist() == [sum(sum(e.weights) for e in shown)]
        assert batch.weights.sum().item() == batch.totals.item() == len(batch.targets)
        learnt = sorted(t for e in shown for t, w in zip(e.input_ids, e.weights, strict=True) if w)
        assert sorted(batch.targets.tolist()) == learnt
        seen |= set(batch.plan.lesson_views)
    assert seen == {0, 1, 2}


class SaveInTheMiddle(Callback):
    """Saves after update 5, between two feedbacks."""

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == 5:
            trainer.save_checkpoint(Path(trainer.default_root_dir) / "middle.ckpt")


def test_a_dial_that_hears_goes_on_exactly_after_a_stop(
    data: Data, tiny: Callable[..., Student], trainer: Callable[..., Any], round_folder: Path, tmp_path: Path
) -> None:
    """The gate opens when training's own losses come in; a run resumed in the middle shows the same views."""
    gate = Gate([0.0, 0.5, 1.0], figure="training_loss", patience=1, least_gain=1.0)
    mixture = Dial(PrefixPool(Steady()), gate, views=3)
    folder = str(planned(round_folder, tmp_path / "plan", mixture))

    def run(name: str, checkpoint: Path | None = None) -> list[dict[str, Any]]:
        feedback = CurriculumFeedback(2, [TrainingLosses()])
        fit = trainer(feedback, BatchLog(True), SaveInTheMiddle(), default_root_dir=str(tmp_path / name))
        module = data(PER_UPDATE, rendering=VIEWS, curriculum=folder)
        fit.fit(SupervisedModule(tiny()), module, ckpt_path=checkpoint, weights_only=True)
        lines = next((tmp_path / name).rglob("batches-0.jsonl")).read_text().splitlines()
        return [json.loads(line) for line in lines]

    whole = run("whole")
    views = [sorted({text[-1] for batch in line["micro_batches"] for text in batch}) for line in whole]
    assert views == sorted(views)
    assert (views[0], views[-1]) == (["0"], ["2"])
    assert run("resumed", tmp_path / "whole" / "middle.ckpt") == whole[5:]


def test_rendering_and_plan_must_have_the_same_views(
    data: Data, tiny: Callable[..., Student], round_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"has 3 views, and the plan chooses none of them at update 0.*curricula.Dial"
    ):
        data(PER_UPDATE, rendering=VIEWS).build(tiny().encoder)
    folder = str(planned(round_folder, tmp_path, Dial(PrefixPool(Steady()), Steady(1.0), views=4)))
    with pytest.raises(ConfigError, match=r"has 3 views, and the plan chooses those from 3 to 3.*from 0 to 2"):
        data(PER_UPDATE, rendering=VIEWS, curriculum=folder).build(tiny().encoder)
    with pytest.raises(ConfigError, match=r"has 1 views, and the plan chooses those from 3 to 3"):
        data(PER_UPDATE, curriculum=folder).build(tiny().encoder)


def test_a_view_changes_what_is_read_in_a_checkpoint(
    data: Data, tiny: Callable[..., Student], round_folder: Path, tmp_path: Path
) -> None:
    encoder = tiny().encoder
    prints = set()
    for number, share in enumerate((0.0, 0.5, 1.0)):
        folder = planned(round_folder, tmp_path / str(number), Dial(PrefixPool(Steady()), Steady(share), views=3))
        prints.add(data(PER_UPDATE, rendering=VIEWS, curriculum=str(folder)).build(encoder).fingerprint)
    assert len(prints) == 3


def test_ranks_share_out_views_with_their_lessons(round_folder: Path, tmp_path: Path) -> None:
    from curricula import Curriculum
    from curricula.from_rule import timetable_of

    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    curriculum = Curriculum.read(planned(round_folder, tmp_path, dial_of()))
    timetable: Timetable = timetable_of(curriculum, lessons, None, PER_UPDATE, np.ones(len(lessons), bool))
    whole, parts = timetable.draw(3), [timetable.share(3, rank, 3) for rank in range(3)]
    pairs = [
        list(zip(d.places.tolist(), d.views.tolist(), strict=True)) for d in (whole, *parts) if d.views is not None
    ]
    assert sorted(pairs[0]) == sorted([pair for part in pairs[1:] for pair in part])
