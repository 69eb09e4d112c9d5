"""Training on preferences: which of two texts is better, or which texts are good and which bad."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from lessons.errors import CheckpointMismatch, ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.adamw import AdamWSettings
from lightning_modules.data.collate import Batch
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.preferences import Preference
from lightning_modules.preferences.preference_companion import PreferenceCompanion
from lightning_modules.preferences.preference_figures import Figures
from lightning_modules.preferences.preference_guard import FallGuard
from lightning_modules.preferences.preference_reference import reference_sums
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable, SupervisedModule
from students.renderings import CHOSEN
from students.student import Student

__all__ = ["PreferenceModule"]


class PreferenceModule(SupervisedModule):
    """Trains a student to prefer chosen texts to rejected ones.

    The lessons are rendered by `students.Pairs` or `students.Contrasts`. A text counts with its summed log-probability
    and its number of tokens; the curriculum's weight of a lesson multiplies the loss of its pairs or texts. The loss of
    an optimiser step is divided by the total weight of its pairs (texts, lessons: see `Preference.unit`) over all
    micro-batches and devices, which is known before the step; so splitting it changes nothing.

    Where the loss compares with a reference, the reference's log-probabilities of all texts are computed once before
    the first update, on every resume again from the very same weights, and kept as one number a text. So no second
    model is in memory while training.

    Args:
        student: The model that learns.
        preference: The loss: `lightning_modules.DPO` and others.
        reference: A model to compare with; None for the student as it is before training. Its tokenizer must have the
            student's vocabulary.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 1e-6 and a
            weight decay of 0.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    adamw: ClassVar[AdamWSettings] = {"lr": 1e-6, "weight_decay": 0.0}

    def __init__(
        self,
        student: Student,
        preference: Preference,
        reference: Student | None = None,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, optimizer, schedule)
        self.preference = preference
        self.reference = reference
        self.figures = Figures(preference)
        self.guard = FallGuard(preference.largest_fall)
        self.reference_point = 0.0  # see `KTO`
        self.brought: PreferenceCompanion | None = None

    def setup(self, stage: str) -> None:
        """Refuse settings that cannot work.

        Raises:
            ConfigError: They cannot.
        """
        self.preference.check()
        if self.reference is None:
            return
        if self.reference.adapter is not None or not self.needs_reference:
            why = "has an adapter" if self.reference.adapter is not None else "is not used by this loss"
            raise ConfigError(
                f"The reference {self.reference.weights.name} {why} ({type(self.preference).__name__}). Allowed is a "
                "model without adapter, for a loss that compares with one. Leave out `reference`; to compare with an "
                "adapted model, export it and name its folder."
            )
        if self.reference.tokenizer.get_vocab() != self.student.tokenizer.get_vocab():
            raise ConfigError(
                f"The reference {self.reference.weights.name} has another vocabulary than the student "
                f"{self.student.weights.name}. Both must read the same token ids. Choose a reference of the student's "
                "family, or leave it out to compare with the student itself."
            )

    @property
    def needs_reference(self) -> bool:
        """Whether the texts' log-probabilities under the reference are needed: for the loss, or to see a fall."""
        return self.preference.needs_reference or self.preference.largest_fall is not None

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> PreferenceCompanion:
        """Return what brings weights, scores and reference values along, once the rendering is seen to fit."""
        self.brought = PreferenceCompanion(rendered)
        self.brought.check(self.preference)
        return self.brought

    @property
    def known(self) -> PreferenceCompanion:
        """What is known of every text, after the data module's setup."""
        if self.brought is None:
            raise RuntimeError("the data module asks for companion() before training")
        return self.brought

    def on_fit_start(self) -> None:
        """Say what the loss is, and compute the reference's log-probabilities."""
        super().on_fit_start()
        self.known.exact = self.split.causal.get_output_embeddings().weight.dtype == torch.float64
        if self.needs_reference:
            self.known.reference = reference_sums(self, self.reference, self.known.rendered)

    @property
    def part_weights(self) -> dict[str, float]:
        """The terms of the loss, for the log."""
        weight = self.preference.supervised_weight
        return {self.preference.formula: 1.0, **({"nll of chosen tokens": weight} if weight else {})}

    @property
    def averaging(self) -> str:
        """What each mean in the loss is taken over, for the log."""
        tokens = " (tokens)" if self.preference.supervised_weight else ""
        return f"its {self.preference.unit}{tokens} of an update"

    def share_of_update(self, losses: Tensor, batch: Batch) -> Tensor:
        """Return what a micro-batch's texts add to the loss of its update."""
        texts, mismatched = self.known.texts(losses, batch, self.reference_point)
        self.figures.add(texts, mismatched)
        share = losses.sum() * 0  # what has no texts still has a place in the graph
        if not len(texts):
            return share
        units, total = self.preference.units(texts), self.preference.total(self.known.totals(batch))
        if total:
            share = share + (units.losses * units.weights).sum() / total
        tokens = float(batch.totals[self.known.side(CHOSEN)])
        if self.preference.supervised_weight and tokens:
            chosen = texts.where(texts.chosen)
            nll = -(chosen.log_probability * chosen.weight).sum()
            share = share + self.preference.supervised_weight * nll / tokens
        return share

    def close_update(self) -> None:
        """Log the loss and the figures of the update, and stop when chosen texts have become too unlikely."""
        super().close_update()
        found = self.figures.close(self.over_devices)
        if not self.needs_reference:
            found.pop("chosen_fall", None)
        for name, value in found.items():
            self.log(name, value, batch_size=1)
        if self.preference.needs_mismatched and "mismatched_log_ratio" in found:
            self.reference_point = max(0.0, float(found["mismatched_log_ratio"]))
        if self.guard.largest_fall is not None and "chosen_fall" in found:
            self.guard.see(float(found["chosen_fall"]), self.trainer.global_step + 1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep only what trains, what was watched, and whose log-probabilities are the reference."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["preference"] = {
            "guard": self.guard.state_dict(),
            "reference_point": self.reference_point,
            "reference": self.reference_fingerprint,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another student, of other settings or with another reference.

        Raises:
            CheckpointMismatch: Going on would not continue the same run.
        """
        super().on_load_checkpoint(checkpoint)
        before = checkpoint.get("preference", {})
        found, mine = before.get("reference"), self.reference_fingerprint
        if found != mine:
            raise CheckpointMismatch(
                f"The checkpoint was compared with another reference: with one of the fingerprint {str(found)[:12]}, "
                f"this one has {mine[:12]}. A run is resumed with the very same weights. Restore them, or start a new "
                "run from the exported student."
            )
        self.guard.load_state_dict(before["guard"])
        self.reference_point = before["reference_point"]

    @property
    def reference_fingerprint(self) -> str:
        """Fingerprint of the weights that the student is compared with."""
        return (self.reference or self.student).weights.fingerprint
