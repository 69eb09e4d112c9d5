"""Low-rank adapters by peft, imported when first used: it costs seconds."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError, MissingDependency

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

__all__ = ["LoRA", "merged_tensors"]


@dataclass(frozen=True, slots=True)
class LoRA:
    """Train low-rank additions to frozen weights: LoRA (Hu et al. 2021, arXiv:2106.09685).

    A weight matrix W becomes W + (alpha / rank) * B A; only A and B are trained.
    """

    rank: int = 16
    """Inner dimension of the additions (the paper's r); at least 1."""
    alpha: int = 32
    """Scale of the additions: they count alpha / rank."""
    dropout: float = 0.0
    """Dropout before the additions, in [0, 1)."""
    target_modules: list[str] | None = None
    """Names (or name endings) of the linear layers to adapt; None for all linear layers but the output layer."""
    seed: int = 0
    """Seed of the initialisation: equal on every rank, whatever ran before."""

    def attach(self, model: PreTrainedModel) -> Any:
        """Return the model wrapped by peft with only the additions trainable (a `peft.PeftModel`).

        Raises:
            ConfigError: A target module does not exist in the model.
        """
        import torch

        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise MissingDependency(
                "Adapters need the package peft, which is not installed. "
                "Install it with: pip install 'tutelage[train]', or train without `adapter`."
            ) from error

        self.check(model)
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=self.target_modules or "all-linear",
            task_type="CAUSAL_LM",
        )
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # peft 0.21 asks transformers for a name that warns since 5.20; the user can do nothing about it.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            torch.default_generator.manual_seed(self.seed)
            return get_peft_model(model, config)

    def check(self, model: PreTrainedModel) -> None:
        """Refuse targets that match nothing: peft passes over a wrong name if another one is right."""
        import torch
        from transformers.pytorch_utils import Conv1D  # what GPT-2 calls a linear layer

        linear = [name for name, module in model.named_modules() if isinstance(module, (torch.nn.Linear, Conv1D))]
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


def merged_tensors(base: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the state dict of a model whose layers peft rewrote, with the additions added in, under plain names.

    The model itself is not changed: training can go on after an export, without the rounding of merge and unmerge.
    """
    from peft.tuners.lora import LoraLayer

    layers: dict[str, Any] = {name: m for name, m in base.named_modules() if isinstance(m, LoraLayer)}
    additions: dict[str, torch.Tensor] = {
        f"{name}.base_layer.weight": layer.get_delta_weight(layer.active_adapters[0]) for name, layer in layers.items()
    }
    merged = {}
    for name, tensor in base.state_dict().items():
        if ".lora_" in name:
            continue
        whole = tensor + additions[name].to(tensor.dtype) if name in additions else tensor
        merged[name.replace(".base_layer.", ".")] = whole.detach()
    return merged
