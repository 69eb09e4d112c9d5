"""What the blocks of a model give, heard while it runs for something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from lessons.errors import ConfigError
from students.packing import pack
from students.split_model import SplitModel

__all__ = ["LayerStates"]


class LayerStates:
    """The hidden states after chosen blocks of a causal model.

    A block is one of the decoder's layers; its states are taken before the decoder's last normalisation.

    Args:
        split: The model, as `SplitModel` runs it.
    """

    def __init__(self, split: SplitModel) -> None:
        self.blocks = blocks_of(split.causal)
        self.heard: dict[int, Tensor] = {}

    @contextmanager
    def listening(self, layers: Iterable[int]) -> Iterator[None]:
        """Keep what these blocks, counted from 0, give in the next run of the model."""
        self.heard = {}
        handles = [self.blocks[k].register_forward_hook(self.hook(k)) for k in sorted(set(layers))]
        try:
            yield
        finally:
            for handle in handles:  # before the backward pass: gradient checkpointing runs the blocks again in it
                handle.remove()

    def hook(self, layer: int) -> Any:
        """Return what keeps the output of one block."""

        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            self.heard[layer] = output[0] if isinstance(output, tuple) else output

        return keep

    def at(self, layer: int, input_ids: Tensor, positions: Tensor) -> Tensor:
        """Return the states that were heard, at some positions, [positions, features].

        Args:
            layer: The block, counted from 0.
            input_ids: What the model ran on, [rows, time].
            positions: Indices into the flattened [rows * time], those the model was asked for, [positions].
        """
        states = self.heard[layer]  # [rows, time, features]; packed by `SplitModel`, [1, real tokens, features]
        packed = None if states.shape[:2] == input_ids.shape else pack(input_ids, positions)
        return states.flatten(0, 1)[positions if packed is None else packed.places]


def blocks_of(causal: Any) -> list[nn.Module]:
    """Return the blocks of a causal model's decoder.

    Raises:
        ConfigError: It has no list of as many modules as its configuration says it has layers.
    """
    depth = causal.config.get_text_config().num_hidden_layers
    for module in causal.get_decoder().children():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return list(module)
    raise ConfigError(
        f"The blocks of {type(causal).__name__} were not found: its decoder has no list of {depth} modules, as its "
        "configuration says it should. Needed is a decoder of blocks (Llama, Qwen, Gemma, GPT-2 ...). Choose such a "
        "model, or leave out `features`."
    )
