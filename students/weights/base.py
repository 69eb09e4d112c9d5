"""What every source of model weights is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = ["Loaded", "Weights"]


class Loaded(NamedTuple):
    """A model in memory with its tokenizer."""

    model: PreTrainedModel
    """A causal language model, on the CPU."""
    tokenizer: PreTrainedTokenizerBase
    """Its tokenizer."""


class Weights(ABC):
    """Where a student's weights and tokenizer come from. Constructors only store; loading happens on first use."""

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
