"""The student: a model, its tokenizer and perhaps an adapter, built on first use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError, ModelNotFound
from lessons.transformers_models import plain_model
from students.encoder import Encoder
from students.export import (
    TO_GENERATE,
    TO_TRANSFORM,
    Origin,
    generation_config,
    plain_tensors,
    write_adapter,
    write_folder,
)
from students.lora import LoRA
from students.precision import Choice, PrecisionName, choose_precision, drawn_in_float32
from students.weights import Weights

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = ["Student"]


class Student:
    """A causal language model that learns.

    Args:
        weights: Where weights and tokenizer come from.
        adapter: A low-rank adapter to train in place of the weights; None to train all weights.
        precision: Number format of the weights: "auto" chooses by hardware and logs why.
        gradient_checkpointing: Whether to recompute activations in the backward pass: less memory, more time.
        packing: Whether to compute sequences of different lengths as one row without padding, where the model allows
            that; none sees another, and the results are the same.
        chat_template: A Jinja chat template to use in place of the tokenizer's: its text, or the path of a file.
        template_arguments: Extra variables for the chat template, such as {"enable_thinking": false}.
    """

    writes = True
    """Whether it answers with text."""

    head_name: str | None = None
    """Name of a layer that is trained whole where the rest of the model has an adapter."""

    def __init__(
        self,
        weights: Weights,
        adapter: LoRA | None = None,
        precision: PrecisionName = "auto",
        gradient_checkpointing: bool = False,
        packing: bool = True,
        chat_template: str | None = None,
        template_arguments: dict[str, bool | int | float | str] | None = None,
    ) -> None:
        self.weights = weights
        self.adapter = adapter
        self.precision = precision
        self.gradient_checkpointing = gradient_checkpointing
        self.packing = packing
        self.chat_template = chat_template
        self.template_arguments = template_arguments

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, with the chat template that was given; needs no weights."""
        tokenizer = self.weights.load_tokenizer()
        if self.chat_template is not None:
            tokenizer.chat_template = template_text(self.chat_template)
        if self.template_arguments and isinstance(tokenizer.chat_template, str):
            # Written into the template, the arguments hold for everyone who loads the exported student.
            tokenizer.chat_template = with_arguments(tokenizer.chat_template, self.template_arguments)
        return tokenizer

    @cached_property
    def encoder(self) -> Encoder:
        """The tokenizer with its template and checks; needs no weights."""
        several = not isinstance(self.tokenizer.chat_template, str)  # a tokenizer may hold templates by name
        return Encoder(self.tokenizer, self.template_arguments if several else None)

    @cached_property
    def number_format(self) -> Choice:
        """The weights' format and the reason for it."""
        return choose_precision(self.precision, frozen=self.adapter is not None)

    @property
    def built(self) -> bool:
        """Whether the model is in memory."""
        return "model" in self.__dict__

    @cached_property
    def model(self) -> PreTrainedModel:
        """The model, loaded on first use, in evaluation mode on the CPU; with an adapter, a peft model around it."""
        with drawn_in_float32():
            return self.assembled()

    def assembled(self) -> PreTrainedModel:
        """Load the weights and put the adapter around them."""
        model = self.loaded()
        if self.gradient_checkpointing:
            # Reentrant checkpointing would need inputs with gradients, which a frozen embedding does not give.
            # The second name is that of transformers before 5.20; since then it warns.
            enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
            enable({"use_reentrant": False})
        if self.adapter is not None:
            model = self.adapter.attach(model, self.head_name)
        model.train(False)
        return model

    def check_trainable(self) -> None:
        """Refuse to train what cannot be trained.

        Raises:
            ConfigError: The weights stay as they are, and there is no adapter.
        """
        if not self.weights.trainable and self.adapter is None:
            raise ConfigError(
                f"The student {self.weights.name} holds its weights in four bits and has no adapter, so nothing of it "
                "can be trained. Needed is an adapter. Give it one (model.student.adapter: {rank: 16, alpha: 32}), or "
                "train all weights: leave out students.FourBit."
            )

    def loaded(self) -> PreTrainedModel:
        """Load the weights."""
        return self.weights.load(self.number_format.dtype).model

    @property
    def base_model(self) -> PreTrainedModel:
        """The transformers model itself, inside the adapter's wrapping if there is one."""
        if self.adapter is None:
            return self.model
        inner: Any = self.model
        base: PreTrainedModel = inner.get_base_model()
        return base

    @property
    def context_length(self) -> int | None:
        """Longest sequence the model was made for, in tokens; None when its configuration does not say."""
        found = getattr(self.base_model.config, "max_position_embeddings", None)
        return int(found) if found else None

    @property
    def device(self) -> torch.device:
        """Where the model is now."""
        return next(self.model.parameters()).device

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over initial weights, adapter and encoder: what a checkpoint must have been trained from."""
        parts = [self.weights.fingerprint, repr(self.adapter), self.encoder.fingerprint]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    def place(self) -> torch.device:
        """Build the model and move it to the machine's accelerator, if it has one; return where it is."""
        import torch

        accelerator = torch.accelerator.current_accelerator(check_available=True)
        if accelerator is not None:
            torch.nn.Module.to(self.model, accelerator)
        return self.device

    def export(
        self, folder: str | Path, provenance: Mapping[str, Any] | None = None, replace_ours: bool = False
    ) -> Path:
        """Write an ordinary Hugging Face folder: weights with the adapter merged, tokenizer, settings, model card.

        The student in memory is not changed.

        Args:
            folder: Where; it must not exist.
            provenance: Where the student comes from, JSON values: teachers, curriculum, data fingerprint, figures ...
                Written to the model card and to tutelage.json.
            replace_ours: Allow replacing a folder that an earlier export wrote.

        Raises:
            ConfigError: The folder exists and may not be replaced.
            StorageError: The disk refused a write.
        """
        config = self.base_model.config
        purpose = TO_TRANSFORM if config.is_encoder_decoder else TO_GENERATE
        model = plain_model(config, self.tensors(), kind=purpose.kind)
        model.generation_config = generation_config(self.encoder, config)
        return write_folder(folder, model, self.tokenizer, purpose, self.origin(provenance), replace_ours)

    def export_adapter(self, folder: str | Path, replace_ours: bool = False) -> Path:
        """Write the adapter alone, in peft's format: a few megabytes, for `students.Adapted` on the same weights.

        Args:
            folder: Where; it must not exist.
            replace_ours: Allow replacing a folder that an earlier export wrote.

        Raises:
            ConfigError: The student has no adapter, or the folder exists and may not be replaced.
            StorageError: The disk refused a write.
        """
        if self.adapter is None:
            raise ConfigError(
                f"The student {self.weights.name} has no adapter that could be written to {folder}: all its weights "
                "are trained. Give it one (model.student.adapter), or leave out export.adapter_folder."
            )
        return write_adapter(folder, self.model, self.origin(), replace_ours)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the model's tensors under plain names, with the adapter's additions added in."""
        return plain_tensors(self.base_model, adapted=self.adapter is not None)

    def origin(self, provenance: Mapping[str, Any] | None = None) -> Origin:
        """Return what a folder written from this student says of it."""
        return Origin(self.weights.name, self.fingerprint, self.adapter, provenance or {})


def with_arguments(template: str, arguments: Mapping[str, bool | int | float | str]) -> str:
    """Return a chat template that sets these variables itself.

    >>> with_arguments("{{ x }}", {"enable_thinking": False, "name": "a"})
    '{% set enable_thinking = false %}{% set name = "a" %}{{ x }}'
    """
    return "".join(f"{{% set {name} = {json.dumps(value)} %}}" for name, value in arguments.items()) + template


def template_text(given: str) -> str:
    """Return a chat template's text from itself or from the path of a file.

    Raises:
        ModelNotFound: It is neither Jinja text nor a file.
    """
    if "{" in given:
        return given
    path = Path(given).expanduser()
    if not path.is_file():
        raise ModelNotFound(
            f"No chat template at {given!r}. Allowed is Jinja text, or the path of a file that holds it. "
            "Correct `chat_template`."
        )
    return path.read_text(encoding="utf-8")
