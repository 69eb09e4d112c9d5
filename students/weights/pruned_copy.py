"""A smaller student cut from a larger model: some of its transformer blocks, everything else as it is."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError
from students.weights.base import Loaded, Weights, refuse_four_bit

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = ["PrunedCopy", "evenly_spread"]


class PrunedCopy(Weights):
    """A copy of a model with fewer blocks, to be trained by the model it was cut from or by any other.

    DistilBERT starts so, from every second block (Sanh et al. 2019, arXiv:1910.01108, unchecked). Tokenizer, embeddings
    and output layer are the source's, so the source can teach the copy by its logits.

    Args:
        source: The model to cut from.
        layers: Numbers of the blocks to keep, from 0, in rising order; or how many, spread evenly from the first to the
            last.
    """

    def __init__(self, source: Weights, layers: int | list[int]) -> None:
        self.source = source
        self.layers = layers

    @property
    def name(self) -> str:
        """The source's name and which blocks were kept."""
        kept = self.layers if isinstance(self.layers, int) else ",".join(map(str, self.layers))
        return f"{self.source.name}[layers={kept}]"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the source's and the blocks."""
        return hashlib.sha256(f"{self.source.fingerprint} layers {self.layers}".encode()).hexdigest()

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the source's tokenizer."""
        return self.source.load_tokenizer()

    def load(self, dtype: torch.dtype) -> Loaded:
        """Load the source and build the smaller model from its tensors.

        Raises:
            ConfigError: The blocks are not there, or the model has none that could be told apart.
        """
        import torch
        from transformers import AutoModelForCausalLM

        refuse_four_bit(self.source, "PrunedCopy")
        whole, tokenizer = self.source.load(dtype)
        prefix, count = blocks_of(whole)
        kept = self.kept(count)
        factory: Any = AutoModelForCausalLM  # its methods carry no types
        with torch.random.fork_rng(devices=[]):
            model: PreTrainedModel = factory.from_config(smaller_config(whole.config, kept, count), dtype=dtype)
        model.load_state_dict(renumbered(whole.state_dict(), prefix, kept))
        model.generation_config = whole.generation_config
        model.train(False)
        return Loaded(model, tokenizer)

    def outline(self) -> PreTrainedModel | None:
        """Build the smaller model from its source's configuration alone."""
        import torch
        from transformers import AutoModelForCausalLM

        whole = self.source.outline()
        if whole is None:
            return None
        _, count = blocks_of(whole)
        factory: Any = AutoModelForCausalLM  # its methods carry no types
        with torch.device("meta"):
            model: PreTrainedModel = factory.from_config(smaller_config(whole.config, self.kept(count), count))
        return model

    def kept(self, count: int) -> list[int]:
        """Return the numbers of the blocks to keep, of `count`.

        Raises:
            ConfigError: They are no selection of the blocks.
        """
        chosen = self.layers
        if isinstance(chosen, int) and 1 <= chosen <= count:
            return evenly_spread(chosen, count)
        if (
            isinstance(chosen, list)
            and chosen
            and chosen == sorted(set(chosen))
            and 0 <= chosen[0] <= chosen[-1] < count
        ):
            return chosen
        raise ConfigError(
            f"layers is {chosen!r}, but {self.source.name} has {count} blocks. Allowed is a number of blocks from 1 to "
            f"{count}, or a list of different block numbers from 0 to {count - 1} in rising order. Correct `layers`."
        )


def evenly_spread(wanted: int, count: int) -> list[int]:
    """Return `wanted` of `count` numbers, the first and the last among them, as evenly as whole numbers allow.

    >>> evenly_spread(3, 7), evenly_spread(6, 12), evenly_spread(1, 4)
    ([0, 3, 6], [0, 2, 4, 7, 9, 11], [0])
    """
    if wanted == 1:
        return [0]
    return [(2 * k * (count - 1) + wanted - 1) // (2 * (wanted - 1)) for k in range(wanted)]


def blocks_of(model: PreTrainedModel) -> tuple[str, int]:
    """Return the name of the list of a model's blocks, and how many there are.

    Raises:
        ConfigError: The model has no such list.
    """
    import torch

    count = getattr(model.config, "num_hidden_layers", None)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == count:
            return name, count
    raise ConfigError(
        f"{type(model).__name__} has no list of {count} blocks that could be cut. Allowed are decoders such as Llama, "
        "Qwen, Gemma or GPT-2. Choose another source."
    )


def smaller_config(config: Any, kept: Sequence[int], count: int) -> Any:
    """Return a configuration with so many blocks; settings listed block by block follow."""
    smaller = copy.deepcopy(config)
    for name, value in vars(config).items():
        if isinstance(value, list) and len(value) == count:
            setattr(smaller, name, [value[k] for k in kept])
    smaller.num_hidden_layers = len(kept)
    return smaller


def renumbered(tensors: dict[str, torch.Tensor], prefix: str, kept: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return the tensors of the kept blocks under their new numbers, and all that belong to no block."""
    places = {f"{prefix}.{old}.": f"{prefix}.{new}." for new, old in enumerate(kept)}
    found = {}
    for name, tensor in tensors.items():
        if not name.startswith(f"{prefix}."):
            found[name] = tensor
            continue
        block = f"{prefix}.{name[len(prefix) + 1 :].split('.', 1)[0]}."
        if block in places:
            found[places[block] + name[len(block) :]] = tensor
    return found
