"""Weights with trained adapters added in: stacked, averaged, or taken off again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError, MissingDependency, ModelNotFound
from lessons.transformers_models import folder_fingerprint
from students.weights.base import Loaded, Weights, refuse_four_bit

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = ["Adapted"]


class Adapted(Weights):
    """A model with adapters that were trained on it, merged one after the other when it is loaded.

    Stacked: an adapter learns on top of others that are merged here. Prereq-Tune does so (Liu et al. 2024,
    arXiv:2410.19290, unchecked): a knowledge adapter first, a skill adapter on top of it, and then the skill adapter
    alone on the bare model. Averaged: shares that add up to 1 mix adapters that were trained on the same weights.

    Args:
        source: The weights below the adapters.
        adapters: Folders of adapters, as `export.adapter_folder` or peft write them (adapter_config.json and
            adapter_model.safetensors), in the order in which they are merged.
        shares: How much of each adapter counts; None for all of each.
    """

    def __init__(self, source: Weights, adapters: list[str], shares: list[float] | None = None) -> None:
        self.source = source
        self.adapters = adapters
        self.shares = shares

    @property
    def name(self) -> str:
        """The source's name with the adapters' folders."""
        return "+".join([self.source.name, *(Path(folder).name for folder in self.adapters)])

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the source's, the adapters' files and their shares."""
        parts = [self.source.fingerprint, *(folder_fingerprint(folder) for folder in self.folders), str(self.weighed)]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    @property
    def folders(self) -> list[Path]:
        """The adapters' folders.

        Raises:
            ModelNotFound: One is no adapter, or its weights are not safetensors.
        """
        found = [Path(folder).expanduser() for folder in self.adapters]
        for folder in found:
            lacking = [n for n in ("adapter_config.json", "adapter_model.safetensors") if not (folder / n).is_file()]
            if lacking:
                raise ModelNotFound(
                    f"No adapter in {folder}: it lacks {' and '.join(lacking)}. "
                    "Allowed are folders that `export.adapter_folder` or peft's save_pretrained wrote, in safetensors "
                    "format. Correct `adapters`."
                )
        return found

    @property
    def weighed(self) -> list[float]:
        """The share of each adapter.

        Raises:
            ConfigError: There are not as many shares as adapters, or there is no adapter.
        """
        shares = self.shares if self.shares is not None else [1.0] * len(self.adapters)
        if not self.adapters or len(shares) != len(self.adapters):
            raise ConfigError(
                f"There are {len(self.adapters)} adapters and {len(shares)} shares. Allowed is one share for each "
                "of at least one adapter, or no shares, to add each adapter whole. Correct `shares` or `adapters`."
            )
        return shares

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the source's tokenizer."""
        return self.source.load_tokenizer()

    def load(self, dtype: torch.dtype) -> Loaded:
        """Load the source and merge the adapters.

        Raises:
            ConfigError: An adapter does not fit the source, or a share of one cannot be taken.
        """
        refuse_four_bit(self.source, "Adapted")
        shares, folders = self.weighed, self.folders  # before weights are read
        model, tokenizer = self.source.load(dtype)
        return Loaded(with_adapters(model, folders, shares), tokenizer)

    def outline(self) -> PreTrainedModel | None:
        """Return the source's: what is merged takes no room."""
        return self.source.outline()

    @property
    def foundation(self) -> Weights:
        """The source's."""
        return self.source.foundation

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """Do what the source does, then merge the adapters: their heads, too, if the model is a scorer."""
        refuse_four_bit(self.source, "Adapted")
        return with_adapters(self.source.finish(model), self.folders, self.weighed)


def with_adapters(model: PreTrainedModel, folders: list[Path], shares: list[float]) -> PreTrainedModel:
    """Return the model with adapters merged, one after the other."""
    for folder, share in zip(folders, shares, strict=True):
        model = merged(model, folder, share)
    return model


def merged(model: PreTrainedModel, folder: Path, share: float) -> PreTrainedModel:
    """Return the model with a share of an adapter's change added to its weights.

    Raises:
        ConfigError: The adapter does not fit, or it does more than add and only a share of it is wanted.
    """
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingDependency(
            "Adapters need the package peft, which is not installed. Install it with: pip install 'tutelage[train]'."
        ) from error
    from students.lora import merged_tensors, quiet_peft

    check_adapter(folder, model, share)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()} if share != 1 else {}
    try:
        with quiet_peft():
            wrapped: Any = PeftModel.from_pretrained(model, str(folder), is_trainable=False)
    except (RuntimeError, ValueError, KeyError) as error:
        raise ConfigError(
            f"The adapter {folder} does not fit {type(model).__name__}: {' '.join(str(error).split())[:500]} "
            "Allowed are adapters that were trained on this very model. Correct `adapters` or `source`."
        ) from error
    tensors = merged_tensors(wrapped.get_base_model())
    if share != 1:
        tensors = {name: before[name] + share * (tensor - before[name]) for name, tensor in tensors.items()}
    plain: PreTrainedModel = wrapped.unload()
    plain.load_state_dict(tensors)
    plain.requires_grad_(True)
    plain.train(False)
    return plain


def check_adapter(folder: Path, model: PreTrainedModel, share: float) -> None:
    """Refuse a share of what is not added to weights, and a head that the model has no place for.

    Raises:
        ConfigError: It is such an adapter.
    """
    settings = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    heads = settings.get("modules_to_save") or []
    if share != 1 and (settings.get("use_dora") or heads):
        what = "is a DoRA" if settings.get("use_dora") else "has a whole head"
        raise ConfigError(
            f"The adapter {folder} {what}, of which a share of {share:g} is wanted. It does more than add to the "
            "weights, so only a share of 1 means something. Average LoRA adapters, or leave out `shares`."
        )
    if heads and not any(hasattr(model, name) for name in heads):
        raise ConfigError(
            f"The adapter {folder} does not fit {type(model).__name__}: it has a head ({heads[0]}) that the model has "
            "no place for. It was trained on a scorer. Give it to a students.Scorer, or correct `adapters`."
        )
