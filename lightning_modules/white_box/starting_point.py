"""The student as it was before any training, or another model that does not learn: what a loss compares with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch

from lightning_modules.supervised import SupervisedModule
from students.encoder_decoder import split_of
from students.frozen import load_frozen
from students.precision import drawn_in_float32
from students.split_model import SplitModel, in_evaluation
from students.student import Student

__all__ = ["StartingPoint"]


class StartingPoint:
    """Lends a model that does not learn.

    A student with an adapter lends its own weights, the adapter switched off: they never change, and take no memory.
    Of another one the weights are read once more, since those in training may come from a checkpoint; they compute in
    the format of the student in training, so that the two agree at the start. They stay in memory as long as this does.

    Args:
        module: The module in training.
        other: Another model to compare with; None for the student before any training.
    """

    def __init__(self, module: SupervisedModule, other: Student | None = None) -> None:
        self.module = module
        self.other = other

    @contextmanager
    def lent(self) -> Iterator[SplitModel]:
        """Lend the model, without dropout; gradients are the borrower's to switch off."""
        if self.other is not None or self.module.student.adapter is None:
            yield self.copy
            return
        adapted: Any = self.module.split.model
        with in_evaluation(adapted), adapted.disable_adapter():
            yield self.module.split

    def prepare(self) -> None:
        """Read the weights now, where any have to be read."""
        if self.other is not None or self.module.student.adapter is None:
            _ = self.copy

    @cached_property
    def copy(self) -> SplitModel:
        """The weights that were read for this."""
        head = self.module.split.causal.get_output_embeddings().weight
        if self.other is not None:
            return load_frozen(self.other, head.device, head.dtype == torch.float64)
        student = self.module.student
        with drawn_in_float32():
            model = student.weights.load(student.number_format.dtype).model
        torch.nn.Module.to(model, head.device, head.dtype)
        model.requires_grad_(False)
        model.train(False)
        return split_of(model, student.packing)
