"""The head of a scorer: the linear layer that stands in the place of a language model's output layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError
from lessons.published_quantisation import read_config

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, torch

__all__ = ["KIND", "has_head", "head_of", "with_new_head"]

KIND = "AutoModelForSequenceClassification"
"""The class of transformers that loads models with such a head."""


def has_head(folder: Path) -> bool:
    """Whether a model folder holds a scorer."""
    architectures = read_config(folder).get("architectures")
    return any(name.endswith("ForSequenceClassification") for name in architectures or ())


def with_new_head(
    causal: PreTrainedModel, outputs: int, labels: Sequence[str] | None, seed: int, padding: int
) -> PreTrainedModel:
    """Return a classification model around a causal model's decoder, with a head drawn from a seed."""
    import copy

    import torch
    import transformers

    factory: Any = getattr(transformers, KIND)  # its methods carry no types
    config = copy.deepcopy(causal.config)
    names = list(labels or ["score"])
    config.id2label, config.label2id = dict(enumerate(names)), {name: k for k, name in enumerate(names)}
    config.pad_token_id = padding
    config.tie_word_embeddings = False  # there is no output layer to tie
    with torch.random.fork_rng(devices=[]):
        try:
            model: PreTrainedModel = factory.from_config(config, dtype=causal.dtype)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"transformers has no scoring form of {type(causal).__name__}: {reason} Needed is an "
                f"architecture that {KIND} knows (Llama, Qwen, Gemma, GPT-2 ...). Choose other weights."
            ) from error
    known = model.state_dict()
    model.load_state_dict({k: v for k, v in causal.state_dict().items() if k in known}, strict=False, assign=True)
    head = head_of(model)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.empty(outputs, head.in_features, dtype=torch.float32).normal_(
        std=head.in_features**-0.5, generator=generator
    )
    head.weight.data = drawn.to(causal.dtype)
    return model


def head_of(model: Any) -> torch.nn.Linear:
    """Return the head of a classification model: the one that is trained, where peft keeps the first beside it.

    Raises:
        ConfigError: It is no plain linear layer.
    """
    import torch

    found = getattr(model, "score", None)
    trained = getattr(found, "modules_to_save", None)
    head = found if trained is None else trained["default"]
    if type(head) is not torch.nn.Linear:
        raise ConfigError(
            f"{type(model).__name__} has no linear head called score, but {type(head).__name__}. Needed is an "
            "architecture with such a head (Llama, Qwen, Gemma, GPT-2 ...). Choose other weights."
        )
    return head
