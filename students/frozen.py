"""Models that are asked and never learn: teachers in a training run, teachers whose logits are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessons.errors import ConfigError
from students.precision import choose_precision, drawn_in_float32

if TYPE_CHECKING:
    from students.heavy_types import torch
    from students.split_model import SplitModel
    from students.student import Student

__all__ = ["load_frozen", "refuse_adapter"]


def load_frozen(source: Student, device: torch.device, double: bool = False) -> SplitModel:
    """Load a model that gives logits, without gradients and dropout.

    Args:
        source: Where weights and tokenizer come from. Its `precision` "auto" holds them in bfloat16 where the hardware
            computes that natively.
        device: Where the model goes.
        double: Whether it computes in float64.

    Raises:
        ConfigError: The output layer has fewer rows than the tokenizer has tokens.
    """
    import torch

    from students.encoder_decoder import split_of

    dtype = torch.float64 if double else choose_precision(source.precision, frozen=True).dtype
    with drawn_in_float32():
        model = source.weights.load(torch.float32 if double else dtype).model
    torch.nn.Module.to(model, device, dtype)
    model.requires_grad_(False)
    model.train(False)
    split = split_of(model, source.packing)
    rows, tokens = int(split.causal.get_output_embeddings().weight.shape[0]), len(source.tokenizer)
    if rows < tokens:
        raise ConfigError(
            f"The teacher {source.weights.name} has {rows} output rows for a tokenizer of {tokens} tokens. "
            "It needs one for each. Give the tokenizer that belongs to these weights."
        )
    return split


def refuse_adapter(teacher: Student) -> None:
    """Refuse a teacher with an adapter, which would start at nothing and never be trained.

    Raises:
        ConfigError: It has one.
    """
    if teacher.adapter is not None:
        raise ConfigError(
            f"The teacher {teacher.weights.name} has an adapter ({teacher.adapter}), which starts at "
            "nothing and would never be trained. Allowed is a teacher without one. Leave out teacher.adapter; to "
            "teach with an adapted model, export it and name its folder."
        )
