"""Weights that were published quantised: which of them can be read, how, and which are refused."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lessons.errors import ConfigError

__all__ = ["quantisation", "read_config", "reading_arguments"]

DEQUANTISED = {"fp8": "FineGrainedFP8Config", "mxfp4": "Mxfp4Config"}
"""The kinds that transformers turns back into ordinary numbers as it reads them, exactly, and its settings for each."""


def read_config(folder: Path) -> dict[str, Any]:
    """Return what a model folder's config.json says."""
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found


def quantisation(config: Mapping[str, Any]) -> str | None:
    """Return how a model's weights are quantised, by transformers' name for it, or None where they are not.

    >>> quantisation({"quantization_config": {"quant_method": "gptq", "bits": 4}})
    'gptq'
    """
    places = (config, config.get("text_config") or {})  # the second of models that see, too
    found = next((place["quantization_config"] for place in places if place.get("quantization_config")), None)
    if found is None:
        return None
    packed = found.get("load_in_4bit") or found.get("load_in_8bit")  # older ones give no name
    return str(found.get("quant_method") or ("bitsandbytes" if packed else "a method without a name"))


def reading_arguments(
    config: Mapping[str, Any], model: str, next_step: str, as_they_are: Collection[str] = ()
) -> dict[str, Any]:
    """Return what `from_pretrained` needs besides to read these weights: nothing, where they are ordinary numbers.

    Args:
        config: What the model's config.json says.
        model: The model's name, for the message.
        next_step: What to do where the weights are refused, for the message.
        as_they_are: Kinds of quantisation that the reader can use without turning them into ordinary numbers.

    Raises:
        ConfigError: The weights are quantised in a way that is not read.
    """
    kind = quantisation(config)
    if kind is None or kind in as_they_are:
        return {}
    if kind not in DEQUANTISED:
        allowed = ", ".join([*sorted(DEQUANTISED), *sorted(as_they_are)])
        raise ConfigError(
            f"The weights of {model} were published quantised: quantization_config in its config.json names {kind}. "
            f"Read are weights in float32, bfloat16 or float16, and of quantised ones these kinds: {allowed}. "
            f"{next_step}"
        )
    import transformers

    return {"quantization_config": getattr(transformers, DEQUANTISED[kind])(dequantize=True)}
