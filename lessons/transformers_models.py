"""What loading and saving transformers models takes beyond that library, which only the functions import."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons.folders import MARKER

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

__all__ = ["bars_on_terminals_only", "folder_fingerprint", "plain_model"]

SAMPLE_BYTES = 64 * 1024
SAMPLES_PER_FILE = 256


@contextmanager
def bars_on_terminals_only() -> Iterator[None]:
    """Silence the progress bars of transformers where nobody watches: in a log file they are noise."""
    from transformers.utils import logging

    bars: Any = logging  # its functions carry no types
    if sys.stderr.isatty() or not bars.is_progress_bar_enabled():
        yield
        return
    bars.disable_progress_bar()
    try:
        yield
    finally:
        bars.enable_progress_bar()


def plain_model(
    config: PretrainedConfig,
    tensors: dict[str, torch.Tensor],
    dtype: torch.dtype | None = None,
    kind: str = "AutoModelForCausalLM",
) -> PreTrainedModel:
    """Build an ordinary model of this configuration around these tensors, without copying them.

    transformers refuses to save a model loaded from GGUF, and peft rewrites modules in place; a plain model around
    the same tensors can be saved like any other.
    """
    import torch
    import transformers

    factory: Any = getattr(transformers, kind)  # its methods carry no types
    with torch.device("meta"):
        model: PreTrainedModel = factory.from_config(config, dtype=dtype)
    strangers = model.load_state_dict(tensors, strict=False, assign=True).unexpected_keys
    model.tie_weights()
    empty = [name for name, tensor in model.state_dict().items() if tensor.is_meta]
    assert not empty, f"no tensor for {empty[:5]}"
    assert not strangers, f"no place for {strangers[:5]}"
    return model


def folder_fingerprint(folder: Path) -> str:
    """Return a SHA-256 over a model folder: small files whole, large ones by size and evenly spread samples.

    Reading 15 GB whole would cost half a minute at every start; two trainings differ in every sample.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix not in {".json", ".safetensors", ".model", ".jinja", ".txt"} or path.name == MARKER:
            continue  # the marker tells where a model comes from, not what it is
        size = path.stat().st_size
        digest.update(f"{path.name}\x1f{size}\x1e".encode())
        with path.open("rb") as file:
            if size <= SAMPLE_BYTES * SAMPLES_PER_FILE:
                digest.update(file.read())
                continue
            for k in range(SAMPLES_PER_FILE):
                file.seek(k * (size - SAMPLE_BYTES) // (SAMPLES_PER_FILE - 1))
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()
