"""Models in GGUF files (llama.cpp's format): converted once to a folder in a cache, then as fast as any other model."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from lessons.errors import ModelNotFound
from lessons.folders import staged_folder
from lessons.transformers_models import bars_on_terminals_only, plain_model

__all__ = ["converted_folder", "file_digest"]

log = logging.getLogger(__name__)

CONVERSION = 1  # raised when the converted folder would come out differently for the same file and library


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def converted_folder(file: Path, sha256: str | None = None) -> Path:
    """Return a GGUF file as a model folder in Hugging Face format, dequantised to float32.

    The first use converts it (SmolLM2-135M: 25 seconds and 540 MB) into $TUTELAGE_CACHE, or ~/.cache/tutelage; later
    uses find it there. Processes that start together convert once.

    Args:
        file: The GGUF file.
        sha256: Its digest, if it is known already.

    Raises:
        ModelNotFound: transformers cannot read this file.
        StorageError: The disk refused a write.
    """
    from filelock import FileLock
    from transformers import __version__

    cache = Path(os.environ.get("TUTELAGE_CACHE") or "~/.cache/tutelage").expanduser() / "gguf"
    folder = cache / f"{(sha256 or file_digest(file))[:32]}-transformers-{__version__}-{CONVERSION}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{folder.name}.lock"):
            if not folder.is_dir():
                convert(file, folder)
    return folder


def convert(file: Path, folder: Path) -> None:
    """Write a GGUF file's model to a folder; it appears when it is complete."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    log.info("Converting %s to safetensors in %s, once", file, folder)
    place, name = file.parent, file.name
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name, local_files_only=True)
        with bars_on_terminals_only():
            read = AutoModelForCausalLM.from_pretrained(
                place, gguf_file=name, dtype=torch.float32, local_files_only=True
            )
    except (ValueError, KeyError, NotImplementedError) as error:
        raise ModelNotFound(
            f"{file} cannot be converted: {type(error).__name__}: {error}. Allowed are architectures and "
            "quantisations that transformers reads from GGUF. Get the model as a Hugging Face folder instead."
        ) from error
    if hasattr(read.config, "quantization_config"):
        del read.config.quantization_config  # the tensors are dequantised; the entry would make loading fail
    model = plain_model(read.config, dict(read.state_dict()))
    model.generation_config = read.generation_config
    with staged_folder(folder) as partial, bars_on_terminals_only():
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
