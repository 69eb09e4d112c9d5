"""Carries the student's evaluation back to the plan at fixed updates, and keeps it for the plans of later runs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.distributed.fsdp import FSDPModule

from curricula.feedback import Feedback
from curricula.history import HistoryFolder
from lessons.errors import ConfigError
from lightning_modules.callbacks.run_folder import RunFolder, keep_lines
from lightning_modules.data.collate import Batch
from lightning_modules.data.data_module import CurriculumDataModule
from lightning_modules.measures.base import Figures, Measure
from lightning_modules.supervised import SupervisedModule

__all__ = ["CurriculumFeedback"]


class CurriculumFeedback(Callback):
    """Measures the student after every so many updates and tells its plan.

    Figures of the whole student go to logs/feedback.jsonl, those of single lessons to the folder logs/history, where
    the signal `curricula.History` of a later plan reads them. A killed run that goes on leaves both as if nothing had
    happened.

    Workers prepare batches ahead, so what is heard after update u counts only from a few updates later on: none
    without workers, else as many as the workers can be ahead (data.workers * 2 / micro-batches an update). The delay is
    fixed, so that a resumed run draws the very same lessons.

    Args:
        every_updates: Measure after every so many updates.
        measures: What to measure.
        enabled: Whether to measure at all.
    """

    def __init__(self, every_updates: int = 50, measures: list[Measure] | None = None, enabled: bool = True) -> None:
        self.every_updates = every_updates
        self.measures = measures
        self.enabled = enabled
        self.latest: Feedback | None = None
        """What was measured last."""
        self.lines = 0
        self.heard = 0
        self.loaded: list[dict[str, Any]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Prepare the measures; cut the log back to what the checkpoint knows.

        Raises:
            ConfigError: The settings are outside their range.
        """
        data = trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(data, CurriculumDataModule) or not isinstance(pl_module, SupervisedModule):
            return
        if not self.feeds_plan:
            return
        if self.every_updates < 1:
            raise ConfigError(f"feedback.every_updates is {self.every_updates}; allowed is 1 or more. Correct it.")
        running = [type(measure).__name__ for measure in self.measures or [] if measure.runs_model]
        if running and isinstance(pl_module, FSDPModule):
            raise ConfigError(
                f"feedback.measures has {', '.join(running)}, which run the model between two updates, but its "
                "weights are spread over devices. Allowed there is lightning_modules.TrainingLosses. Name that one, or "
                "train with strategy ddp."
            )
        for measure in self.measures or []:
            measure.prepare(data)
        for measure, state in zip(self.measures or [], self.loaded, strict=bool(self.loaded)):
            measure.load_state_dict(state)
        if trainer.is_global_zero:
            keep_lines(RunFolder.of(trainer).feedback, self.lines)
            HistoryFolder(RunFolder.of(trainer).history).cut_back(self.heard)

    @property
    def feeds_plan(self) -> bool:
        """Whether anything is measured; the data module asks for it where the plan hears."""
        return self.enabled and bool(self.measures)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Look on at every micro-batch; measure and tell the plan when it is time."""
        if not self.feeds_plan or not isinstance(pl_module, SupervisedModule):
            return
        for measure in self.measures or []:
            measure.note(pl_module, batch)
        made = batch.plan.update + 1
        if not batch.plan.closes_update or made % self.every_updates:
            return
        found = [measure.measure(pl_module) for measure in self.measures or []]
        feedback = joined(made, found)
        data = trainer.datamodule  # type: ignore[attr-defined]
        data.timetable.hear(feedback)
        self.latest = feedback
        pl_module.log_dict(feedback.metrics, batch_size=1, rank_zero_only=True)
        self.write(RunFolder.of(trainer), feedback, data.lessons_of_plan.ids, trainer.is_global_zero)

    def write(
        self, folder: RunFolder, feedback: Feedback, lesson_ids: npt.NDArray[np.object_], is_global_zero: bool
    ) -> None:
        """Write a line of the log and a file of the history, from one process."""
        self.lines += 1
        self.heard = feedback.update
        if not is_global_zero:
            return
        HistoryFolder(folder.history).add(feedback.update, lesson_ids[feedback.places], feedback.lessons)
        line = {"update": feedback.update, **feedback.metrics}
        with folder.feedback.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def state_dict(self) -> dict[str, Any]:
        """Return the measures' states and how far the log and the history reach."""
        if not self.feeds_plan:
            return {}
        states = [measure.state_dict() for measure in self.measures or []]
        return {"lines": self.lines, "heard": self.heard, "measures": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the states until training starts: the measures are prepared then."""
        self.lines, self.heard = int(state_dict.get("lines", 0)), int(state_dict.get("heard", 0))
        self.loaded = state_dict.get("measures", [])


def joined(update: int, found: list[Figures]) -> Feedback:
    """Join the figures of several measures; a lesson that one of them left out has NaN there.

    Raises:
        ConfigError: Two measures give a figure of one name.
    """
    names = [name for figures in found for name in (*figures.metrics, *figures.lessons)]
    named = [set(figures.metrics) | set(figures.lessons) for figures in found]
    twice = sorted(name for name in set(names) if sum(name in some for some in named) > 1)
    if twice:
        raise ConfigError(
            f"Two measures give the figure {twice[0]!r}, and the plan could not tell them apart. Every figure may be "
            "measured once. Remove one of the measures under feedback.measures."
        )
    places = np.unique(np.concatenate([np.empty(0, np.int64), *(figures.places for figures in found)]))
    lessons = {}
    for figures in found:
        at = np.searchsorted(places, figures.places)
        for name, values in figures.lessons.items():
            lessons[name] = np.full(len(places), np.nan)
            lessons[name][at] = values
    metrics = {name: value for figures in found for name, value in figures.metrics.items()}
    return Feedback(update, metrics, {}, places, lessons)
