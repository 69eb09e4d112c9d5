"""A teacher in the run: a causal model that is asked for its distributions and never learns."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.data.collate import Batch
from lightning_modules.losses.chunked import Projection, projection_of
from lightning_modules.white_box.logit_teacher import LogitTeacher
from students.frozen import load_frozen, refuse_adapter
from students.split_model import SplitModel
from students.student import Student

__all__ = ["FrozenTeacher", "refuse_another_vocabulary"]

log = logging.getLogger(__name__)


class FrozenTeacher(LogitTeacher):
    """Loads a model on first use and asks it, without gradients and dropout.

    Not a torch module, so that the module which has one neither trains it nor saves it nor copies it between devices.

    Args:
        source: Where weights and tokenizer come from. Its `precision` "auto" holds them in bfloat16 where the hardware
            computes that natively.
    """

    def __init__(self, source: Student) -> None:
        self.source = source
        self.split: SplitModel | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.source.weights.name

    @property
    def fingerprint(self) -> str:
        """That of the weights."""
        return self.source.weights.fingerprint

    def check(self, student: Student) -> None:
        """Refuse, before any weights are read, a teacher whose token ids are not the student's.

        Raises:
            ConfigError: It has another vocabulary, or an adapter.
        """
        self.refuse_adapter()
        refuse_another_vocabulary(student, self.source)
        if student.tokenizer.chat_template != self.source.tokenizer.chat_template:
            log.warning(
                "The teacher %s has another chat template; it reads the lessons as the student's template writes them",
                self.source.weights.name,
            )

    def refuse_adapter(self) -> None:
        """Refuse a teacher with an adapter.

        Raises:
            ConfigError: It has one.
        """
        refuse_adapter(self.source)

    def load(self, device: torch.device, double: bool = False) -> FrozenTeacher:
        """Load the model onto a device, unless it is there, and return itself.

        Args:
            device: Where the student is.
            double: Whether the student computes in float64; its teacher then does as well.

        Raises:
            ConfigError: The output layer has fewer rows than the tokenizer has tokens.
        """
        if self.split is None:
            self.split = load_frozen(self.source, device, double)
        return self

    @property
    def vocabulary(self) -> int:
        """Rows of the output layer, after `load`."""
        return int(self.loaded.causal.get_output_embeddings().weight.shape[0])

    @property
    def loaded(self) -> SplitModel:
        """The model, after `load`."""
        if self.split is None:
            raise RuntimeError("load() comes before the teacher is asked")
        return self.split

    def says(self, batch: Batch) -> Projection:
        """Return its hidden states at the batch's supervised positions, and its output layer."""
        return self.projection(batch.input_ids, batch.positions)

    @torch.no_grad()
    def projection(self, input_ids: Tensor, positions: Tensor) -> Projection:
        """Return hidden states and output layer at some positions; see `projection_of`."""
        return projection_of(self.loaded, input_ids, positions)


def refuse_another_vocabulary(student: Student, teacher: Student) -> None:
    """Refuse a teacher to which token ids mean something else.

    The sizes of the output layers say nothing about that: Qwen2.5 pads one tokenizer to 151,936 rows in small models
    and to 152,064 in large ones, and different tokenizers may have equally many tokens.

    Raises:
        ConfigError: The tokenizers' vocabularies differ.
    """
    mine, other = ({v: k for k, v in side.tokenizer.get_vocab().items()} for side in (student, teacher))
    if mine == other:
        return
    first = min(number for number in mine.keys() | other.keys() if mine.get(number) != other.get(number))
    raise ConfigError(
        f"Student ({student.weights.name}) and teacher ({teacher.weights.name}) have different tokenizers, of "
        f"{len(mine)} and {len(other)} tokens: id {first} is {mine.get(first)!r} to the student and "
        f"{other.get(first)!r} to the teacher. Logits are compared token by token, and ids of another tokenizer are "
        "noise to the teacher. Allowed are teachers with the student's very vocabulary; their output layers may be "
        "padded to another size. Choose a teacher of the student's family, train with "
        "lightning_modules.CrossTokenizerDistillation, which compares texts where both tokenizers meet, or let this "
        "teacher write texts (tutelage distill) and train on those with lightning_modules.SupervisedModule."
    )
