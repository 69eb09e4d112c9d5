"""Which published weights a local teacher reads, and what transformers needs to be told to read them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from lessons.errors import MissingDependency
from lessons.published_quantisation import quantisation, reading_arguments

__all__ = ["teacher_reading"]

AS_THEY_ARE = "bitsandbytes"
TO_DO = (
    "Give the model that the quantised one was made of, or serve this one with a program that runs it (vLLM, SGLang) "
    "and ask it with teachers.OpenAIBackend."
)


def teacher_reading(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return what `from_pretrained` needs besides to read a teacher's weights.

    Args:
        config: What the model's config.json says.
        model: The model's name, for messages.

    Raises:
        ConfigError: The weights were published quantised in a way that is not read.
        MissingDependency: They are in a format of bitsandbytes, which is not installed.
    """
    arguments = reading_arguments(config, model, TO_DO, [AS_THEY_ARE])
    if quantisation(config) == AS_THEY_ARE and find_spec(AS_THEY_ARE) is None:
        raise MissingDependency(
            f"The weights of {model} are in a format of bitsandbytes, which is not installed. "
            "Install it with: pip install 'tutelage[qlora]'."
        )
    return arguments
