"""Weights in four bits, frozen, for an adapter to be trained on: QLoRA."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from students.four_bit import bytes_quantised, quantise
from students.precision import PrecisionName, choose_precision
from students.weights.base import Loaded, Weights, refuse_four_bit

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = ["FourBit"]


class FourBit(Weights):
    """Another source, its linear layers held in four bits: about a quarter of the memory of bfloat16.

    QLoRA (Dettmers et al. 2023, arXiv:2305.14314): Y = X dequantised(W) + X L1 L2, where W is in NF4 with double
    quantisation and never changes, and the adapter (`student.adapter`, the paper's L1 L2) is trained in float32.
    Embeddings, norms and the head stay in the student's precision. The source is read whole into the CPU's memory
    first. The export is ordinary: the dequantised weights, with the adapter merged. Needs the extra
    `tutelage[qlora]`, and an adapter to train.

    Args:
        source: The weights to quantise: any other source, such as a folder in Hugging Face format.
        double_quantisation: Whether the scales of the blocks are quantised, too: 0.37 bits less for every weight.
        compute: Format that the weights are turned into to compute with; "auto" for the student's precision.
    """

    trainable = False

    def __init__(self, source: Weights, double_quantisation: bool = True, compute: PrecisionName = "auto") -> None:
        self.source = source
        self.double_quantisation = double_quantisation
        self.compute = compute

    @property
    def name(self) -> str:
        """The source's name, and that it is in four bits."""
        return f"{self.source.name}[nf4]"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the source's and the settings."""
        settings = f"nf4 double {self.double_quantisation} compute {self.compute}"
        return hashlib.sha256(f"{self.source.fingerprint} {settings}".encode()).hexdigest()

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the source's tokenizer."""
        return self.source.load_tokenizer()

    def load(self, dtype: torch.dtype) -> Loaded:
        """Load the source and quantise its linear layers.

        Raises:
            ConfigError: The source is in four bits already, or has no linear layers.
            MissingDependency: bitsandbytes is not installed.
        """
        refuse_four_bit(self.source, "FourBit")
        model, tokenizer = self.source.load(dtype)
        return Loaded(self.quantised(model), tokenizer)

    def outline(self) -> PreTrainedModel | None:
        """Return the source's, whose layers are those that are quantised."""
        return self.source.outline()

    def bytes_held(self, width: int) -> int | None:
        """Return the bytes that the model takes in memory, its linear layers in four bits."""
        model = self.outline()
        return None if model is None else bytes_quantised(model, width, self.double_quantisation)

    @property
    def foundation(self) -> Weights:
        """The source's."""
        return self.source.foundation

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """Do what the source does, then quantise."""
        refuse_four_bit(self.source, "FourBit")
        return self.quantised(self.source.finish(model))

    def alike(self, source: Weights) -> Weights:
        """Return other weights, in four bits as these."""
        return FourBit(source, self.double_quantisation, self.compute)

    def quantised(self, model: PreTrainedModel) -> PreTrainedModel:
        """Return the model with its linear layers in four bits."""
        compute = model.dtype if self.compute == "auto" else choose_precision(self.compute).dtype
        quantise(model, compute, self.double_quantisation)
        return model
