"""What stands in the place of tokens of an answer where the student reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from lessons.errors import ConfigError
from lightning_modules.data.collate import Batch
from students.decoding import Generation, sample
from students.split_model import SplitModel
from students.student import Student

__all__ = ["InputNoise", "MaskedTokens", "OwnTokens"]


class InputNoise(ABC):
    """Says which token is read in the place of each token of the answer, where it is replaced."""

    def check(self, student: Student) -> None:  # noqa: B027 - not all have something to check
        """Refuse what cannot work with this student, before its weights are read.

        Raises:
            ConfigError: It cannot.
        """

    @abstractmethod
    def replacements(self, student: Student, split: SplitModel, batch: Batch, uniforms: Tensor) -> Tensor:
        """Return the id to read in the place of every supervised token, int64 [supervised].

        Args:
            student: Who reads.
            split: Its model, on its device.
            batch: The micro-batch as it was planned.
            uniforms: Numbers in [0, 1) to draw with, float64 [supervised].
        """


class MaskedTokens(InputNoise):
    """The same mask everywhere: masked thought, MFT (Chen et al. 2024, arXiv:2403.02178).

    Steps of a solution that are hidden cannot be copied from, so the student leans on the question and on what is left.

    Args:
        token: The text of the mask's token; None for the tokenizer's mask, or its padding where it has none.
    """

    def __init__(self, token: str | None = None) -> None:
        self.token = token

    def check(self, student: Student) -> None:
        """Refuse a mask that the tokenizer does not know."""
        if self.token is not None and self.token not in student.tokenizer.get_vocab():
            raise ConfigError(
                f"MaskedTokens got the token {self.token!r}, which the tokenizer of {student.weights.name} does not "
                f"have. Allowed is any single token of it, such as {student.tokenizer.eos_token!r}. Correct `token`, "
                "or leave it out."
            )

    def replacements(self, student: Student, split: SplitModel, batch: Batch, uniforms: Tensor) -> Tensor:
        """Return the mask's id for every token."""
        tokenizer = student.tokenizer
        known = tokenizer.mask_token_id if self.token is None else tokenizer.get_vocab()[self.token]
        return torch.full_like(batch.targets, student.encoder.pad_id if known is None else known)


class OwnTokens(InputNoise):
    """The student's own word for it: what it would write there after the given text so far.

    After scheduled sampling in one batch (2024, arXiv:2410.14655, unchecked; our reading of the mixing): the student
    reads its own slips and still learns the right continuation, as it will have to at inference. Costs one forward pass
    more.

    Args:
        temperature: 0 takes its most probable token; above 0 it is drawn from softmax(logits / temperature).
    """

    def __init__(self, temperature: float = 0.0) -> None:
        self.temperature = temperature

    def check(self, student: Student) -> None:
        """Refuse a temperature out of range."""
        if self.temperature < 0:
            raise ConfigError(
                f"OwnTokens got temperature={self.temperature}; allowed is 0, for the most probable token, or above. "
                "Correct `temperature`."
            )

    def replacements(self, student: Student, split: SplitModel, batch: Batch, uniforms: Tensor) -> Tensor:
        """Return the student's own tokens, with dropout off."""
        was_training = student.model.training
        student.model.train(False)
        try:
            chooser = self.chooser(uniforms)
            (found,) = split.statistics(batch.input_ids, batch.positions, batch.targets, [chooser])
        finally:
            student.model.train(was_training)
        return found

    def chooser(self, uniforms: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
        """Return what chooses a token from each row of logits; it is handed the rows in order, some at a time."""
        place = 0

        def choose(logits: Tensor, targets: Tensor) -> Tensor:
            nonlocal place
            place += len(targets)
            if self.temperature == 0:
                return logits.argmax(-1)
            return sample(logits, uniforms[place - len(targets) : place], Generation(temperature=self.temperature))

        return choose
