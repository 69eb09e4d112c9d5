"""Weights from a GGUF file: converted once to safetensors in a cache, from then on as fast as any other model."""

from __future__ import annotations

import hashlib
import logging
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lessons.errors import ModelNotFound
from lessons.model_files import resolve
from students.folders import staged_folder
from students.weights.base import Loaded, Weights, bars_on_terminals_only, plain_model
from students.weights.pretrained import Pretrained

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedTokenizerBase, torch

__all__ = ["GGUF"]

log = logging.getLogger(__name__)

CONVERSION = 1  # raised when the converted folder would come out differently for the same file and library


class GGUF(Weights):
    """A model in a GGUF file (llama.cpp's format), dequantised to float32.

    The first use converts it (SmolLM2-135M: 25 seconds and 540 MB) into the folder $TUTELAGE_CACHE, or
    ~/.cache/tutelage; later uses load that in a fraction of a second. Processes that start together convert once.

    Args:
        path: The file, or "package:NAME/FILE" for a file inside an installed Python package.
        sha256: Expected digest of the file; None to accept any.
    """

    def __init__(self, path: str, sha256: str | None = None) -> None:
        self.path = path
        self.sha256 = sha256

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return Path(self.path).name.removesuffix(".gguf")

    @cached_property
    def file(self) -> Path:
        """The file on disk, checked against the expected digest.

        Raises:
            ModelNotFound: There is no such file, it is not a GGUF file, or not the one expected.
        """
        found = resolve(self.path, sha256=self.sha256)
        if found.kind != "gguf":
            raise ModelNotFound(
                f"{self.path} is a {found.kind} model, not a GGUF file; students.GGUF reads files ending in .gguf. "
                "Give it to students.Pretrained."
            )
        return Path(found.path)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def converted(self) -> Pretrained:
        """The model as a folder in Hugging Face format, converted now if it is not in the cache."""
        from filelock import FileLock
        from transformers import __version__

        cache = Path(os.environ.get("TUTELAGE_CACHE") or "~/.cache/tutelage").expanduser() / "gguf"
        folder = cache / f"{self.fingerprint[:32]}-transformers-{__version__}-{CONVERSION}"
        if not folder.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(cache / f"{folder.name}.lock"):
                if not folder.is_dir():
                    self.convert(folder)
        return Pretrained(str(folder))

    def convert(self, folder: Path) -> None:
        """Write the model to a folder; it appears when it is complete."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        log.info("Converting %s to safetensors in %s, once", self.file, folder)
        place, name = self.file.parent, self.file.name
        try:
            tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name, local_files_only=True)
            with bars_on_terminals_only():
                read = AutoModelForCausalLM.from_pretrained(
                    place, gguf_file=name, dtype=torch.float32, local_files_only=True
                )
        except (ValueError, KeyError, NotImplementedError) as error:
            raise ModelNotFound(
                f"{self.file} cannot be converted: {type(error).__name__}: {error}. Allowed are architectures and "
                "quantisations that transformers reads from GGUF. Get the model as a Hugging Face folder instead."
            ) from error
        if hasattr(read.config, "quantization_config"):
            del read.config.quantization_config  # the tensors are dequantised; the entry would make loading fail
        model = plain_model(read.config, dict(read.state_dict()))
        model.generation_config = read.generation_config
        with staged_folder(folder) as partial, bars_on_terminals_only():
            model.save_pretrained(partial)
            tokenizer.save_pretrained(partial)

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer of the converted model."""
        return self.converted.load_tokenizer()

    def load(self, dtype: torch.dtype) -> Loaded:
        """Load the converted model and its tokenizer."""
        return self.converted.load(dtype)
