"""Distillation of a teacher's class logits through a second head that is dropped afterwards."""

from __future__ import annotations

import logging

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.data.collate import Batch
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.distillation.scorer_module import ScorerModule, Targets
from lightning_modules.losses.log_probabilities import wide
from lightning_modules.losses.scores import binary_kl
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable
from students.renderings.scored import ClassifiedQuestions
from students.student import Student

__all__ = ["DualHeadDistillation"]

log = logging.getLogger(__name__)


class DualHeadDistillation(ScorerModule):
    """Trains a classifier whose one head learns the labels and whose other head learns a teacher's logits.

    After dual-head knowledge distillation (Yang et al. 2024, arXiv:2411.08937, unchecked here; formula as in the
    authors' code). The loss of a question is gamma * CE(h1(f), y) + alpha * BinaryKL(h2(f), z_T), with f the decoder's
    state and BinaryKL as in `losses.scores.binary_kl`. Logits taken one by one hold more than a softmax of them, but
    pull the one head that must also give probabilities elsewhere; hence two. The second head is in the checkpoints and
    never exported. The paper's optional alignment of the two gradients is left out.

    Args:
        student: The classifier that learns, a students.Scorer with labels.
        label_weight: gamma, the weight of the labels' cross-entropy; 1 in the paper.
        logit_weight: alpha, the weight of the teacher's logits; 1 (CIFAR) or 0.1 (ImageNet) in the authors' code.
        temperature: T, by which the logits of both are divided; 2 in the authors' code.
        of_difference: Compare s((z_S - z_T) / T) with 1/2 instead of s(z_S / T) with s(z_T / T).
        head_seed: Seed of the second head's first values.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 2e-5 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        label_weight: float = 1.0,
        logit_weight: float = 1.0,
        temperature: float = 2.0,
        of_difference: bool = False,
        head_seed: int = 1,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        super().__init__(student, optimizer, schedule)
        self.label_weight = label_weight
        self.logit_weight = logit_weight
        self.temperature = temperature
        self.of_difference = of_difference
        self.head_seed = head_seed
        self.second_head: nn.Linear | None = None

    def setup(self, stage: str) -> None:
        """Refuse students without classes and settings out of range.

        Raises:
            ConfigError: They cannot be used.
        """
        if self.scorer.labels is None:
            raise ConfigError(
                "DualHeadDistillation got a scorer without labels, which gives one score. Needed are the names of the "
                "classes. Give student.init_args.labels, or use lightning_modules.ScoreDistillation."
            )
        weights = self.label_weight, self.logit_weight
        if min(weights) < 0 or max(weights) == 0 or not self.temperature > 0:
            raise ConfigError(
                f"DualHeadDistillation got label_weight={self.label_weight}, logit_weight={self.logit_weight} and "
                f"temperature={self.temperature}. Allowed are weights of at least 0, one of them above, and a "
                "temperature above 0. Correct them."
            )

    def configure_model(self) -> None:
        """Load the weights and make the second head."""
        super().configure_model()
        if self.second_head is None:
            features = self.scorer.head.in_features
            self.second_head = nn.Linear(features, self.scorer.outputs, bias=False, dtype=torch.float32)
            generator = torch.Generator().manual_seed(self.head_seed)
            nn.init.normal_(self.second_head.weight, std=features**-0.5, generator=generator)

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion:
        """Return what brings every question's class and the teacher's logits along.

        Raises:
            ConfigError: The rendering is for something else.
            RenderingError: A question has no class, or no logits.
        """
        self.setup("fit")  # Lightning sets up the data module first
        rendering, labels = self.trainer.datamodule.rendering, self.scorer.labels or []  # type: ignore[attr-defined]
        if not isinstance(rendering, ClassifiedQuestions):
            raise ConfigError(
                f"DualHeadDistillation got the rendering {type(rendering).__name__}. Needed is one that shows "
                "questions to classify. Train with data.rendering students.ClassifiedQuestions."
            )
        places = np.array([lessons.position_of[name] for name in rendered.ids])
        rows = []
        for lesson in lessons.at(places):
            if lesson.prompt.reference not in labels:
                raise ConfigError(
                    f"Lesson {lesson.id!r} has the reference {lesson.prompt.reference!r}, which is none of the "
                    f"scorer's labels {', '.join(labels)}. Correct `labels` or the data."
                )
            rows.append([labels.index(lesson.prompt.reference), *rendering.logits(lesson, labels)])
        return Targets(np.array(rows, np.float64))

    def on_fit_start(self) -> None:
        """Say what the loss is."""
        super().on_fit_start()
        if self.trainer.is_global_zero:
            log.info(
                "Loss of a question = %g * cross-entropy of its class + %g * BinaryKL of the second head at T = %g",
                self.label_weight, self.logit_weight, self.temperature,
            )  # fmt: skip

    def token_losses(self, batch: Batch) -> Tensor:
        """Return the loss of every question, [sequences]."""
        if self.second_head is None:
            raise RuntimeError("configure_model() comes before training")
        states, targets = self.states(batch), batch.extras["targets"]
        labels = F.cross_entropy(wide(self.scorer.head(states)), targets[:, 0].long(), reduction="none")
        logits = wide(self.second_head(states))
        apart = binary_kl(logits, targets[:, 1:].to(logits), self.temperature, self.of_difference)
        return self.label_weight * labels + self.logit_weight * apart
