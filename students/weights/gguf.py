"""Weights from a GGUF file: converted once to safetensors in a cache, from then on as fast as any other model."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lessons.errors import ModelNotFound
from lessons.gguf import converted_folder, file_digest
from lessons.model_files import resolve
from students.weights.base import Loaded, Weights
from students.weights.pretrained import Pretrained

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedTokenizerBase, torch

__all__ = ["GGUF"]


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
        return file_digest(self.file)

    @cached_property
    def converted(self) -> Pretrained:
        """The model as a folder in Hugging Face format, converted now if it is not in the cache."""
        return Pretrained(str(converted_folder(self.file, self.fingerprint)))

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """Return the tokenizer of the converted model."""
        return self.converted.load_tokenizer()

    def load(self, dtype: torch.dtype) -> Loaded:
        """Load the converted model and its tokenizer."""
        return self.converted.load(dtype)
