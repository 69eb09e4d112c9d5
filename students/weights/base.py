"""What every source of model weights is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from lessons.errors import ConfigError

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = ["Loaded", "Weights", "refuse_four_bit"]


class Loaded(NamedTuple):
    """A model in memory with its tokenizer."""

    model: PreTrainedModel
    """A causal language model, on the CPU."""
    tokenizer: PreTrainedTokenizerBase
    """Its tokenizer."""


class Weights(ABC):
    """Where a student's weights and tokenizer come from. Constructors only store; loading happens on first use."""

    trainable = True
    """Whether the weights themselves can be trained; on others an adapter is."""

    @abstractmethod
    def load(self, dtype: torch.dtype) -> Loaded:
        """Return the model in this precision and its tokenizer."""

    @abstractmethod
    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer alone, without reading weights where that is possible."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A hex digest that differs for different weights; stamps checkpoints and exports."""

    @property
    @abstractmethod
    def name(self) -> str:
        """A short name for reports and model cards."""

    def outline(self) -> PreTrainedModel | None:
        """Return the model without numbers, on torch's meta device: its layers and their shapes.

        None where only reading the weights would tell.
        """
        return None

    def bytes_held(self, width: int) -> int | None:
        """Return the bytes that the model takes in memory, or None where there is no outline.

        Args:
            width: Bytes of one number in the format that the weights are loaded in.
        """
        model = self.outline()
        return None if model is None else width * sum(parameter.numel() for parameter in model.parameters())

    @property
    def foundation(self) -> Weights:
        """The weights that are read, below what is done to the model afterwards."""
        return self

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """Return a model that was loaded from the foundation, perhaps in another form, made into these weights."""
        return model

    def alike(self, source: Weights) -> Weights:
        """Return other weights in the form that these are held in: what a student goes on from in a later round."""
        return source


def refuse_four_bit(source: Weights, user: str) -> None:
    """Refuse weights in four bits below others, which are made of ordinary numbers.

    Args:
        source: The weights below.
        user: The class of those above.

    Raises:
        ConfigError: They are in four bits.
    """
    if not source.trainable:
        raise ConfigError(
            f"students.{user} got {source.name} as its source, whose weights are in four bits. Allowed are sources of "
            "ordinary numbers. Put students.FourBit outermost, and only once."
        )
