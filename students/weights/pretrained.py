"""Weights from a folder or from the Hugging Face hub: safetensors only, no remote code."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lessons.errors import ModelNotFound
from students.weights.base import Loaded, Weights, folder_fingerprint

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Pretrained"]

PATTERNS = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]


class Pretrained(Weights):
    """A published model: a folder in Hugging Face format, or a name on the hub.

    A name that is already in the hub's cache is used from there without asking the network. Weights must be in
    safetensors format, and code that comes with a model is never run.

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
        """The folder that holds the model, downloaded if need be.

        Raises:
            ModelNotFound: It is neither a model folder nor to be had from the hub.
        """
        path = Path(self.name_or_path).expanduser()
        if path.is_dir():
            return self.checked(path)
        if (
            not path.exists()
            and self.name_or_path.count("/") <= 1
            and not self.name_or_path.startswith((".", "/", "~"))
        ):
            return self.checked(self.from_hub())
        raise ModelNotFound(
            f"No model folder at {self.name_or_path!r}"
            + (" (it is a file)" if path.exists() else "")
            + ". Allowed are a folder in Hugging Face format or a hub name such as 'HuggingFaceTB/SmolLM2-135M'. "
            "Correct the path; for a .gguf file use the class students.GGUF."
        )

    def checked(self, folder: Path) -> Path:
        """Return the folder if it holds a configuration and safetensors."""
        missing = [what for what in ("config.json", "*.safetensors") if not any(folder.glob(what))]
        if missing:
            raise ModelNotFound(
                f"{folder} is not a usable model folder: it has no {' and no '.join(missing)}. "
                "Needed are config.json, tokenizer files and safetensors weights (pickled weights are not read). "
                "Export the model with save_pretrained, or correct the path."
            )
        return folder

    def from_hub(self) -> Path:
        """Return the model's folder in the hub's cache, downloading what is missing."""
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            cached = Path(snapshot_download(self.name_or_path, revision=self.revision, local_files_only=True))
            if any(cached.glob("*.safetensors")) and any(cached.glob("config.json")):
                return cached
        except (LocalEntryNotFoundError, OSError, ValueError):
            pass  # not cached: ask the hub
        try:
            # One quick question first: a download without a network retries for half a minute.
            HfApi().model_info(self.name_or_path, revision=self.revision, timeout=10)
            return Path(snapshot_download(self.name_or_path, revision=self.revision, allow_patterns=PATTERNS))
        except Exception as error:
            raise ModelNotFound(
                f"The model {self.name!r} is neither a folder on disk, nor in the hub's cache, nor to be had from the "
                f"hub ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}). "
                "Check the name and the network, or give the path of a folder."
            ) from error

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the folder's tokenizer."""
        from transformers import AutoTokenizer

        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        return tokenizer

    def load(self, dtype: torch.dtype) -> Loaded:
        """Load the model and its tokenizer."""
        from transformers import AutoModelForCausalLM

        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            self.folder, dtype=dtype, use_safetensors=True, local_files_only=True
        )
        return Loaded(model.eval(), self.load_tokenizer())
