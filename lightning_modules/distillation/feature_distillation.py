"""Distillation from a teacher's hidden states, beside the text and its distributions."""

from __future__ import annotations

import logging
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lessons.errors import ConfigError
from lightning_modules.data.collate import Batch
from lightning_modules.distillation.features import FeatureLoss
from lightning_modules.distillation.logit_distillation import token_terms
from lightning_modules.distillation.taught import TaughtModule
from lightning_modules.divergences import Divergence
from lightning_modules.losses.chunked import chunked_terms, projection_of
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable
from lightning_modules.white_box.frozen_teacher import FrozenTeacher
from students.layer_states import LayerStates
from students.student import Student

__all__ = ["FeatureDistillation"]

log = logging.getLogger(__name__)


class FeatureDistillation(TaughtModule):
    """Trains a student towards the hidden states of a frozen teacher, on given texts.

    The loss of a token is w * nll + (1 - w) * T^2 * D(teacher, student at temperature T) + the sum over the features k
    of weight_k * F_k(teacher's states, student's), at the position where the token is predicted. Token losses are added
    up and divided exactly as in `SupervisedModule`. Where a feature needs equal widths and the models have others, the
    student's states go through a projection that is trained with it, is in the checkpoints and is never exported.

    Args:
        student: The model that learns.
        teacher: The frozen model, described as a student is, without adapter. Its tokenizer must have the student's
            vocabulary. It is in no checkpoint and in no export; every device holds a copy.
        features: What is compared of which blocks.
        divergence: D, how far the student's distributions are from the teacher's; None to leave them out.
        supervised_weight: w, the weight of the negative log-likelihood of the lesson's text, from 0 to 1; below 1 with
            a divergence, which has the rest.
        temperature: T, by which the logits of both are divided for the divergence; above 0.
        temperature_squared: Whether the divergence is multiplied by T^2.
        projection_seed: Seed of the projections' first values.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 2e-4 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        teacher: Student,
        features: list[FeatureLoss],
        divergence: Divergence | None = None,
        supervised_weight: float = 1.0,
        temperature: float = 1.0,
        temperature_squared: bool = True,
        projection_seed: int = 0,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        frozen = FrozenTeacher(teacher)
        super().__init__(student, frozen, optimizer, schedule, supervised_weight, temperature, temperature_squared)
        self.teacher = teacher
        self.frozen = frozen
        self.features = features
        self.divergence = divergence
        self.projection_seed = projection_seed
        self.projections = nn.ModuleDict()

    def setup(self, stage: str) -> None:
        """Refuse settings and teachers that cannot work, before any weights are read.

        Raises:
            ConfigError: They cannot.
        """
        super().setup(stage)
        if self.divergence is not None and self.supervised_weight == 1:
            raise ConfigError(
                "The supervised weight is 1, which leaves nothing to the divergence. With a divergence allowed are "
                "values of at least 0 and below 1. Lower `supervised_weight`, or leave out `divergence`."
            )
        if not self.features:
            raise ConfigError(
                "FeatureDistillation got no features; needed is at least one, such as lightning_modules.HiddenDistance "
                "without settings. Name them under `features`, or use lightning_modules.LogitDistillation."
            )
        for feature in self.features:
            feature.check()
        if self.divergence is not None:
            self.divergence.check()
        self.frozen.check(self.student)

    def configure_model(self) -> None:
        """Load both models, and make the projections: the optimiser wants to know them."""
        super().configure_model()
        self.frozen.load(self.trainer.strategy.root_device, double=str(self.trainer.precision) == "64-true")
        refuse_encoders(self.student, self.teacher, self.configurations)
        generator = torch.Generator().manual_seed(self.projection_seed)
        mine, other = (config.hidden_size for config in self.configurations)
        for match in self.matches:
            if self.features[match.feature].equal_width and mine != other and match.name not in self.projections:
                projection = nn.Linear(mine, other, bias=False, dtype=torch.float32)
                nn.init.normal_(projection.weight, std=mine**-0.5, generator=generator)
                self.projections[match.name] = projection

    @cached_property
    def student_layers(self) -> LayerStates:
        """The student's blocks."""
        return LayerStates(self.split)

    @cached_property
    def teacher_layers(self) -> LayerStates:
        """The teacher's blocks."""
        return LayerStates(self.frozen.loaded)

    @property
    def configurations(self) -> tuple[Any, Any]:
        """The transformers configurations of student and teacher, once both are loaded."""
        return self.student.base_model.config.get_text_config(), self.frozen.loaded.causal.config.get_text_config()

    @cached_property
    def matches(self) -> list[Match]:
        """Which blocks are compared by which feature."""
        depths = [config.num_hidden_layers for config in self.configurations]
        return [
            Match(number, mine, other)
            for number, feature in enumerate(self.features)
            for mine, other in feature.pairs(*depths)
        ]

    def on_fit_start(self) -> None:
        """Say what the loss of a token is."""
        super().on_fit_start()
        parts = [f"{self.supervised_weight:g} * nll"]
        if self.divergence is not None:
            name = type(self.divergence).__name__
            parts.append(
                f"{1 - self.supervised_weight:g} * {self.scale_in_words}{name} at temperature {self.temperature:g}"
            )
        for number, feature in enumerate(self.features):
            blocks = ", ".join(f"{m.student + 1} with {m.teacher + 1}" for m in self.matches if m.feature == number)
            parts.append(f"{feature.weight:g} * {type(feature).__name__} of block {blocks}")
        if self.trainer.is_global_zero:
            log.info("Loss of a token = %s, from %s", " + ".join(parts), self.teacher.weights.name)

    def token_losses(self, batch: Batch) -> Tensor:
        """Return the weighted sum of likelihood, divergence and features of every supervised token, [supervised]."""
        with (
            self.student_layers.listening(match.student for match in self.matches),
            self.teacher_layers.listening(match.teacher for match in self.matches),
        ):
            terms = self.text_terms(batch)
        weights = {"nll": self.supervised_weight, "divergence": (1 - self.supervised_weight) * self.scale}
        for number, feature in enumerate(self.features):
            name = f"{type(feature).__name__}_{number}"
            terms[name], weights[name] = self.feature_term(number, batch), feature.weight
        self.terms = {name: term.detach() for name, term in terms.items()}
        return sum((weights[name] * term for name, term in terms.items()), torch.zeros_like(terms["nll"]))

    def text_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Run both models and return what is made of their logits, [supervised] each."""
        if self.divergence is None:
            with torch.no_grad():
                self.frozen.loaded.at(batch.input_ids, batch.positions)
            return {"nll": super().token_losses(batch)}
        made = chunked_terms(
            partial(token_terms, self.divergence, self.temperature),
            projection_of(self.split, batch.input_ids, batch.positions),
            self.frozen.projection(batch.input_ids, batch.positions),
            batch.targets,
        )
        return dict(zip(("nll", "divergence"), made.unbind(), strict=True))

    def feature_term(self, number: int, batch: Batch) -> Tensor:
        """Return the mean of one feature over its pairs of blocks, [supervised]."""
        found = []
        for match in (match for match in self.matches if match.feature == number):
            mine = self.student_layers.at(match.student, batch.input_ids, batch.positions)
            other = self.teacher_layers.at(match.teacher, batch.input_ids, batch.positions)
            if match.name in self.projections:
                mine = self.projections[match.name](mine)
            found.append(self.features[number].per_token(mine, other, batch.sequences))
        return torch.stack(found).mean(0)


def refuse_encoders(student: Student, teacher: Student, configurations: tuple[Any, Any]) -> None:
    """Refuse sequence-to-sequence models, whose blocks see question and answer apart.

    Raises:
        ConfigError: One of the two is such a model.
    """
    for side, config in zip((student, teacher), configurations, strict=True):
        if config.is_encoder_decoder:
            raise ConfigError(
                f"{side.weights.name} is a sequence-to-sequence model, whose encoder and decoder have blocks of their "
                "own. Allowed for `features` are causal models (Llama, Qwen, GPT-2 ...). Choose one, or train with "
                "lightning_modules.LogitDistillation."
            )


class Match(NamedTuple):
    """A pair of blocks that a feature compares."""

    feature: int
    """Number of the feature."""
    student: int
    """The student's block, counted from 0."""
    teacher: int
    """The teacher's block, counted from 0."""

    @property
    def name(self) -> str:
        """The name of its projection in checkpoints."""
        return f"feature_{self.feature}_block_{self.student}_to_{self.teacher}"
