"""Distillation from a teacher with another tokenizer."""

from __future__ import annotations

import logging
from functools import cached_property, partial

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules.data.collate import Batch
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.distillation.chunk_divergences import ChunkDivergence
from lightning_modules.distillation.second_reading import SecondReading, exercises_in_order
from lightning_modules.distillation.taught import TaughtModule
from lightning_modules.losses.chunked import Projection, projection_of
from lightning_modules.losses.cross_tokenizer import ChunkSide, Vocabularies, chunk_values
from lightning_modules.schedules import Schedule
from lightning_modules.supervised import OptimizerCallable, SchedulerCallable
from lightning_modules.white_box.frozen_teacher import FrozenTeacher
from students.alignment import matched_tokens
from students.spelling import Spelling
from students.student import Student
from students.token_nll import nll_of_logits, token_nll

__all__ = ["CrossTokenizerDistillation"]

log = logging.getLogger(__name__)


class CrossTokenizerDistillation(TaughtModule):
    """Trains a student towards a frozen teacher whose tokenizer and chat template may be others.

    The teacher reads the same conversation and answer, written by its own template in its own tokens. Both cut the
    answer into tokens; where both end one at the same byte, a chunk ends (`students.alignment`). The loss of a token is
    w * nll + (1 - w) * T^2 * D(chunk) / (the student's tokens in its chunk), with w the supervised weight and the
    likelihood at temperature 1; a token outside every chunk has w * nll alone. Token losses are added up and divided
    exactly as in `SupervisedModule`. With the student's own tokenizer and `GOLD` it is `LogitDistillation`.

    Args:
        student: The model that learns.
        teacher: The frozen model, described as a student is, without adapter. It is in no checkpoint and in no export;
            every device holds a copy.
        divergence: How far the student is from the teacher at a chunk of text.
        supervised_weight: w, the weight of the negative log-likelihood of the lesson's text, from 0 to 1.
        temperature: T, by which the logits of both are divided; above 0.
        temperature_squared: Whether the divergence is multiplied by T^2, which keeps its gradient about as large.
        optimizer: The optimiser's class and settings, without the parameters; None: AdamW with a rate of 2e-4 and a
            weight decay of 0.01.
        schedule: How the learning rate changes from update to update: one of ours, or the class and settings of any
            torch scheduler, stepped at every update; None keeps it.
    """

    def __init__(
        self,
        student: Student,
        teacher: Student,
        divergence: ChunkDivergence,
        supervised_weight: float = 0.5,
        temperature: float = 1.0,
        temperature_squared: bool = True,
        optimizer: OptimizerCallable | None = None,
        schedule: Schedule | SchedulerCallable | None = None,
    ) -> None:
        frozen = FrozenTeacher(teacher)
        super().__init__(student, frozen, optimizer, schedule, supervised_weight, temperature, temperature_squared)
        self.teacher = teacher
        self.frozen = frozen
        self.divergence = divergence

    def setup(self, stage: str) -> None:
        """Refuse settings and teachers that cannot work, before any weights are read.

        Raises:
            ConfigError: They cannot.
        """
        super().setup(stage)
        self.divergence.check()
        self.frozen.refuse_adapter()

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion:
        """Return what the teacher reads beside every micro-batch.

        Raises:
            ConfigError: No token of the lessons can be compared.
        """
        self.setup("fit")  # Lightning sets up the data module first
        rendering = self.trainer.datamodule.rendering  # type: ignore[attr-defined]
        exercises = exercises_in_order(rendering, rendered, lessons)
        reading = SecondReading.of(rendered, exercises, self.student.encoder, self.teacher.encoder)
        supervised = int((rendered.weights > 0).sum())
        if not reading.compared:
            raise ConfigError(
                f"None of the {supervised} supervised tokens can be compared with the teacher's "
                f"({self.teacher.weights.name}): the tokens of student or teacher do not spell the answers, as with "
                "tokenizers that lower-case text. Needed are two that keep it. Choose another teacher, or let this one "
                "write texts (tutelage distill) and train on those with lightning_modules.SupervisedModule."
            )
        if self.trainer.is_global_zero:
            log.info(
                "%.1f%% of %s supervised tokens are in chunks that the teacher %s writes as well",
                100 * reading.compared / supervised, f"{supervised:,}", self.teacher.weights.name,
            )  # fmt: skip
        return reading

    def on_fit_start(self) -> None:
        """Load the teacher, and say what the loss of a token is."""
        super().on_fit_start()
        if self.trainer.is_global_zero:
            log.info(
                "Loss of a token = %g * nll + %g * %s%s of its chunk / tokens of the chunk, at temperature %g, from "
                "%s, which shares %.1f%% of its tokens with the student",
                self.supervised_weight, 1 - self.supervised_weight, self.scale_in_words, type(self.divergence).__name__,
                self.temperature, self.teacher.weights.name, 100 * self.vocabularies.teacher_share,
            )  # fmt: skip

    @cached_property
    def vocabularies(self) -> Vocabularies:
        """Which tokens the two have in common, once both are loaded."""
        mine, other = (Spelling.of(side.tokenizer) for side in (self.student, self.teacher))
        matches = matched_tokens(mine, other, (self.student.encoder.end_of_turn, self.teacher.encoder.end_of_turn))
        rows = [side.causal.get_output_embeddings().weight.shape[0] for side in (self.split, self.frozen.loaded)]
        return Vocabularies.of(torch.from_numpy(matches), *rows).to(self.device)

    def token_losses(self, batch: Batch) -> Tensor:
        """Return the weighted sum of likelihood and divergence of every supervised token, [supervised]."""
        student = projection_of(self.split, batch.input_ids, batch.positions)
        nll = likelihood(student, batch.targets)
        divergence = self.divergences(student, nll, batch)
        self.terms = {"nll": nll.detach(), "divergence": divergence.detach()}
        return self.supervised_weight * nll + (1 - self.supervised_weight) * self.scale * divergence

    def divergences(self, student: Projection, nll: Tensor, batch: Batch) -> Tensor:
        """Return every supervised token's share of its chunk's divergence, 0 outside of chunks, [supervised]."""
        extras = batch.extras
        chunks, others = extras["chunks"], extras["teacher_chunks"]
        inside = chunks >= 0
        if not bool(inside.any()):
            return torch.zeros_like(nll)
        tempered = nll if self.temperature == 1 else likelihood(student, batch.targets, self.temperature)
        mine = ChunkSide.of(student, chunks, batch.targets, -tempered)
        with torch.no_grad():
            teacher = projection_of(self.frozen.loaded, extras["teacher_ids"], extras["teacher_positions"])
            logs = -likelihood(teacher, extras["teacher_targets"], self.temperature)
            other = ChunkSide.of(teacher, others, extras["teacher_targets"], logs)
        compare = partial(self.divergence.per_chunk, vocabularies=self.vocabularies)
        values = chunk_values(compare, mine, other, self.temperature).to(nll.dtype)
        shared = values / torch.bincount(chunks[inside], minlength=len(values))
        return torch.zeros_like(nll).index_put((inside.nonzero()[:, 0],), shared[chunks[inside]])


def likelihood(side: Projection, targets: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the negative log-likelihood of every target at a temperature, [tokens], in float32 or better."""
    if side.weight is None:
        return nll_of_logits(side.hidden / temperature, targets)
    bias = side.bias if side.bias is None or temperature == 1 else side.bias / temperature
    return token_nll(side.hidden if temperature == 1 else side.hidden / temperature, side.weight, targets, bias)
