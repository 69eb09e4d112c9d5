"""Weights from a folder or from the Hugging Face hub: safetensors only, no remote code."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons.errors import ModelNotFound
from lessons.model_files import resolve
from lessons.published_quantisation import read_config, reading_arguments
from lessons.transformers_models import bars_on_terminals_only, folder_fingerprint
from students.characters import TokenizerRecipe
from students.weights.base import Loaded, Weights

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = ["Pretrained", "PretrainedTokenizer"]

ENCODER_TEMPLATE = "{%- for message in messages -%}{{- message['content'] + eos_token -}}{%- endfor -%}"
TO_DO = (
    "Give the model that the quantised one was made of, with students.FourBit around it to hold it in four bits, or "
    "turn these weights into ordinary numbers first (dequantize() of the loaded model, then save_pretrained)."
)
PATTERNS = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]


class Pretrained(Weights):
    """A published model: a folder in Hugging Face format, or a name on the hub.

    A name that is already in the hub's cache is used from there without asking the network. Weights must be in
    safetensors format, and code that comes with a model is never run. Weights published in FP8 or MXFP4 are turned into
    ordinary numbers as they are read; those that are quantised otherwise are refused.

    Args:
        name_or_path: A folder (such as a student exported before), or a name such as "HuggingFaceTB/SmolLM2-135M".
        revision: Commit, branch or tag on the hub; None for the default branch. Give a commit for reproducible runs.
    """

    def __init__(self, name_or_path: str, revision: str | None = None) -> None:
        self.name_or_path = name_or_path
        self.revision = revision

    @property
    def name(self) -> str:
        """The folder or hub name as given, with the revision."""
        return f"{self.name_or_path}@{self.revision}" if self.revision else self.name_or_path

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the folder's files (weights by samples)."""
        return folder_fingerprint(self.folder)

    @cached_property
    def folder(self) -> Path:
        """The folder that holds the model, downloaded if need be, with weights that can be read.

        Raises:
            ModelNotFound: It is neither a model folder nor to be had from the hub, or its weights are not safetensors.
            ConfigError: Its weights were published quantised in a way that is not read.
        """
        if not any(self.place.glob("*.safetensors")):
            raise ModelNotFound(
                f"The model in {self.place} has no safetensors weights; it holds "
                f"{', '.join(sorted(path.name for path in self.place.iterdir())) or 'nothing'}. Pickled weights (.bin) "
                "can run code when they are read, so they are not. Save the model again with save_pretrained."
            )
        _ = self.reading
        return self.place

    @property
    def reading(self) -> dict[str, Any]:
        """What `from_pretrained` needs besides to read these weights.

        Raises:
            ConfigError: They were published quantised in a way that is not read.
        """
        return reading_arguments(read_config(self.place), self.name, TO_DO)

    @cached_property
    def place(self) -> Path:
        """The folder, whatever weights it holds.

        Raises:
            ModelNotFound: It is neither a model folder nor to be had from the hub.
        """
        found = resolve(self.name_or_path, self.revision)
        if found.kind == "gguf":
            raise ModelNotFound(
                f"{self.name_or_path} is a GGUF file; students.Pretrained reads folders in Hugging Face format and "
                "names on the hub. Give the file to students.GGUF."
            )
        return Path(found.path) if found.kind == "folder" else self.download(found.path)

    def download(self, name: str) -> Path:
        """Return the model's folder in the hub's cache after fetching what is missing."""
        from huggingface_hub import hf_hub_download, snapshot_download

        config = hf_hub_download(name, "config.json", revision=self.revision)
        reading_arguments(read_config(Path(config).parent), self.name, TO_DO)  # refused before gigabytes are fetched
        return Path(snapshot_download(name, revision=self.revision, allow_patterns=PATTERNS))

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the folder's tokenizer."""
        return self.tokenizer_in(self.folder)

    def tokenizer_in(self, folder: Path) -> PreTrainedTokenizerBase:
        """Return the tokenizer in a folder."""
        from transformers import AutoTokenizer

        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        if tokenizer.chat_template is None and self.is_encoder_decoder:
            tokenizer.chat_template = ENCODER_TEMPLATE  # these models know no turns: the encoder reads all there is
        return tokenizer

    @property
    def is_encoder_decoder(self) -> bool:
        """Whether it is a sequence-to-sequence model (T5, BART)."""
        return bool(read_config(self.place).get("is_encoder_decoder"))

    @property
    def kind(self) -> Any:
        """The class that makes the model; not typed, as its methods are not."""
        import transformers

        return transformers.AutoModelForSeq2SeqLM if self.is_encoder_decoder else transformers.AutoModelForCausalLM

    def outline(self) -> PreTrainedModel:
        """Build the model from its configuration alone."""
        import torch
        from transformers import AutoConfig

        with torch.device("meta"):
            model: PreTrainedModel = self.kind.from_config(AutoConfig.from_pretrained(self.folder))
        return model

    def load(self, dtype: torch.dtype) -> Loaded:
        """Load the model and its tokenizer."""
        with bars_on_terminals_only():
            model: PreTrainedModel = self.kind.from_pretrained(
                self.folder, dtype=dtype, use_safetensors=True, local_files_only=True, **self.reading
            )
        return Loaded(model, self.load_tokenizer())


class PretrainedTokenizer(TokenizerRecipe):
    """The tokenizer of an existing model, for a new model that shall share its vocabulary.

    Args:
        name_or_path: A folder, or a name on the Hugging Face hub.
        revision: Commit, branch or tag on the hub; None for the default branch.
    """

    def __init__(self, name_or_path: str, revision: str | None = None) -> None:
        self.name_or_path = name_or_path
        self.revision = revision

    def build(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer as published, whatever the weights beside it are."""
        published = Pretrained(self.name_or_path, self.revision)
        return published.tokenizer_in(published.place)
