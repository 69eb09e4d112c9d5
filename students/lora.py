"""Low-rank adapters by peft, imported when first used: it costs seconds."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError, MissingDependency
from students.four_bit import whole_tensors

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, torch

__all__ = ["LoRA", "merged_tensors", "quiet_peft"]

# What peft 0.21 says about its own doings, and the user can do nothing about: a name that transformers renamed, the
# layout of GPT-2's layers, and settings that it makes itself for models with experts.
PEFT_WARNINGS = (
    "`is_gradient_checkpointing` is deprecated",
    "fan_in_fan_out is set to False but the target module is `Conv1D`",
    "The following (rank|alpha)_pattern keys did not match any targeted module",
)


@dataclass(frozen=True, slots=True)
class LoRA:
    """Train low-rank additions to frozen weights: LoRA (Hu et al. 2021, arXiv:2106.09685).

    A weight matrix W becomes W + (alpha / rank) * B A; only A and B are trained. With `dora` (Liu et al. 2024,
    arXiv:2402.09353) it becomes m * (W + (alpha / rank) * B A) / |W + (alpha / rank) * B A|, norms taken row by row,
    and the lengths m are trained too; they start as the rows' own. With `rank_stabilised` (Kalajdzievski 2023,
    arXiv:2312.03732) alpha / rank becomes alpha / sqrt(rank).

    Args:
        rank: Inner dimension of the additions (the paper's r); at least 1.
        alpha: Scale of the additions: they count alpha / rank.
        dropout: Dropout before the additions, in [0, 1).
        target_modules: Names (or name endings) of the linear layers to adapt; None for all but the output layer.
        seed: Seed of the initialisation: equal on every rank, whatever ran before.
        dora: Train the lengths of the rows apart from their directions: a little better at small ranks, and slower.
        rank_stabilised: Divide by the root of the rank, for large ranks.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: list[str] | None = None
    seed: int = 0
    dora: bool = False
    rank_stabilised: bool = False

    def attach(self, model: PreTrainedModel, head: str | None = None) -> Any:
        """Return the model wrapped by peft with only the additions trainable (a `peft.PeftModel`).

        Args:
            model: The model; its layers are rewritten in place.
            head: Name of a layer that is trained whole, and belongs to the adapter: a scorer's new head.

        Raises:
            ConfigError: A target module does not exist in the model, or peft refuses the settings.
        """
        import torch

        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise MissingDependency(
                "Adapters need the package peft, which is not installed. "
                "Install it with: pip install 'tutelage[train]', or train without `adapter`."
            ) from error

        self.check(model, head)
        is_pair = getattr(model.config, "is_encoder_decoder", False)
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=self.target_modules or "all-linear",
            use_dora=self.dora,
            use_rslora=self.rank_stabilised,
            modules_to_save=None if head is None else [head],
            task_type="SEQ_CLS" if head is not None else "SEQ_2_SEQ_LM" if is_pair else "CAUSAL_LM",
        )
        with torch.random.fork_rng(devices=[]), quiet_peft():
            torch.default_generator.manual_seed(self.seed)
            try:
                wrapped = get_peft_model(model, config)
            except ValueError as error:
                raise ConfigError(
                    f"peft refuses the adapter {self} for {type(model).__name__}: {error}. Allowed are ranks of at "
                    "least 1, dropout in [0, 1) and linear layers that the model has. Correct `adapter`."
                ) from error
        from students.low_rank_addition import add_where_it_lies

        add_where_it_lies(wrapped)
        return wrapped

    def check(self, model: PreTrainedModel, head: str | None = None) -> None:
        """Refuse targets that match nothing, or a head: peft passes over a wrong name if another one is right."""
        import torch
        from transformers.pytorch_utils import Conv1D  # what GPT-2 calls a linear layer

        linear = [name for name, module in model.named_modules() if isinstance(module, (torch.nn.Linear, Conv1D))]
        linear = [name for name in linear if name != head]
        missing = [
            target
            for target in self.target_modules or ()
            if not any(name == target or name.endswith(f".{target}") for name in linear)
        ]
        if missing:
            endings = sorted({name.rsplit(".", 1)[-1] for name in linear})
            raise ConfigError(
                f"The adapter's target module(s) {', '.join(missing)} do not exist in {type(model).__name__}. "
                f"Its linear layers are {', '.join(endings)}. Correct `target_modules`, or leave it out for all."
            )


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Silence what peft says about its own doings."""
    with warnings.catch_warnings():
        for message in PEFT_WARNINGS:
            warnings.filterwarnings("ignore", message)
        yield


def merged_tensors(base: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the state dict of a model whose layers peft rewrote, with the additions added in, under plain names.

    Weights in four bits come as ordinary numbers, and a head that was trained whole in the place of the one before. The
    model itself is not changed: training can go on after an export, without the rounding of merge and unmerge.
    """
    from peft.tuners.lora import LoraLayer

    layers: dict[str, Any] = {
        # A wrapped expert holds its matrices as bare parameters and says which one it adds to.
        f"{plain_name(name)}.{getattr(layer, 'parameter_name', 'weight')}": layer
        for name, layer in base.named_modules()
        if isinstance(layer, LoraLayer)
    }
    merged = {}
    for name, tensor in whole_tensors(base).items():
        if ".lora_" not in name and ".original_module." not in name:
            layer = layers.get(plain_name(name))
            merged[plain_name(name)] = (tensor if layer is None else merged_weight(layer, tensor)).detach()
    return merged


def merged_weight(layer: Any, weight: torch.Tensor) -> torch.Tensor:
    """Return the weight of a layer of peft's with its additions added in."""
    whole = weight
    for adapter in layer.active_adapters:
        variant = layer.lora_variant.get(adapter)
        if variant is None:
            addition = layer.get_delta_weight(adapter)
            whole = (whole.to(addition.dtype) + addition).to(weight.dtype)
        else:  # as DoRA, in which the lengths of the rows change, too
            whole = variant.merge_safe(layer, adapter, whole)
    return whole


def plain_name(name: str) -> str:
    """Return a module's or tensor's name without the wrappings that peft put around it.

    >>> plain_name("model.layers.0.q_proj.base_layer.weight"), plain_name("score.modules_to_save.default.weight")
    ('model.layers.0.q_proj.weight', 'score.weight')
    """
    return name.replace(".base_layer", "").replace(".modules_to_save.default", "")
