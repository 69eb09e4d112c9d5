"""Export: a model as a folder that transformers loads, with a model card. It knows parts; a student brings them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lessons.folders import MARKER, staged_folder
from lessons.transformers_models import bars_on_terminals_only
from students.encoder import Encoder
from students.four_bit import whole_tensors
from students.lora import LoRA, merged_tensors

if TYPE_CHECKING:
    from students.heavy_types import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase, torch

__all__ = [
    "TO_GENERATE",
    "TO_TRANSFORM",
    "Origin",
    "Purpose",
    "generation_config",
    "model_card",
    "plain_tensors",
    "write_adapter",
    "write_folder",
]


class Purpose(NamedTuple):
    """What an exported folder is for, and how it is used."""

    kind: str
    """Name of the class of transformers that loads it."""
    task: str
    """What the hub calls models of this sort."""
    usage: str
    """Lines of Python that use the folder."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an exported folder comes from."""

    weights: str
    """Name of the weights that training started from."""
    fingerprint: str
    """SHA-256 of the student before training."""
    adapter: LoRA | None = None
    """The adapter that was trained; None where all weights were."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Teachers, curriculum, data fingerprint, figures ...: JSON values, each under a title."""


def write_folder(
    folder: str | Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    purpose: Purpose,
    origin: Origin,
    replace_ours: bool,
) -> Path:
    """Write weights (safetensors), tokenizer with chat template, README.md and the record of where they come from.

    The folder appears whole or not at all.

    Args:
        folder: Where; it must not exist.
        model: A plain model of transformers.
        tokenizer: The tokenizer that belongs to it.
        purpose: What the model is for.
        origin: Where it comes from: written to README.md and to tutelage.json.
        replace_ours: Allow replacing a folder that an earlier export wrote.

    Raises:
        ConfigError: The folder exists and may not be replaced.
        StorageError: The disk refused a write.
    """
    card = model_card(origin, purpose)
    record = {**identity(origin), "provenance": dict(origin.provenance)}
    with staged_folder(folder, replace_ours) as partial:
        with bars_on_terminals_only(), disk_errors():
            model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(card, encoding="utf-8")
        text = json.dumps(record, indent=2, ensure_ascii=False, default=str)
        (partial / MARKER).write_text(text + "\n", encoding="utf-8")
    return Path(folder)


def write_adapter(folder: str | Path, wrapped: Any, origin: Origin, replace_ours: bool) -> Path:
    """Write the adapter of a model alone, in peft's format; as `write_folder` does.

    Args:
        folder: Where; it must not exist.
        wrapped: A peft model.
        origin: Where it comes from.
        replace_ours: Allow replacing a folder that an earlier export wrote.
    """
    with staged_folder(folder, replace_ours) as partial:
        with disk_errors():
            wrapped.save_pretrained(partial, safe_serialization=True)
        (partial / MARKER).write_text(json.dumps(identity(origin), indent=2) + "\n", encoding="utf-8")
    return Path(folder)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn what safetensors says of a disk that refused a write into the disk's own error, which it only quotes."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        if (code := re.search(r"os error (\d+)", str(error))) is None:
            raise
        raise OSError(int(code[1]), os.strerror(int(code[1]))) from error


def identity(origin: Origin) -> dict[str, str]:
    """Return what every record says of a student."""
    return {"weights": origin.weights, "fingerprint": origin.fingerprint}


def plain_tensors(model: torch.nn.Module, adapted: bool) -> dict[str, torch.Tensor]:
    """Return a model's tensors under plain names, with the additions of its adapter, if it has one, added in.

    Weights in four bits come as ordinary numbers.
    """
    return merged_tensors(model) if adapted else whole_tensors(model)


def generation_config(encoder: Encoder, config: PretrainedConfig) -> Any:
    """Return generation settings that stop where a model of this encoder was trained to stop."""
    from transformers import GenerationConfig

    settings: Any = GenerationConfig  # its constructor carries no types
    return settings(
        bos_token_id=encoder.tokenizer.bos_token_id,
        eos_token_id=encoder.stop_ids,
        pad_token_id=encoder.pad_id,
        decoder_start_token_id=getattr(config, "decoder_start_token_id", None),
        do_sample=False,
    )


USAGE = """from transformers import {kind}, AutoTokenizer

model = {kind}.from_pretrained("path/of/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/of/this/folder")
messages = [{{"role": "user", "content": "..."}}]
ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
print(tokenizer.batch_decode(model.generate(**ids, max_new_tokens=256)))"""

TO_GENERATE = Purpose("AutoModelForCausalLM", "text-generation", USAGE.format(kind="AutoModelForCausalLM"))
TO_TRANSFORM = Purpose("AutoModelForSeq2SeqLM", "text2text-generation", USAGE.format(kind="AutoModelForSeq2SeqLM"))


def model_card(origin: Origin, purpose: Purpose) -> str:
    """Return the text of README.md: what it is, how to use it, where it comes from."""
    lines = [
        "---",
        "library_name: transformers",
        f"pipeline_tag: {purpose.task}",
        "tags: [distillation, tutelage]",
        "---",
        "",
        "# A student trained with tutelage",
        "",
        f"Started from `{origin.weights}`"
        + (f", trained with a merged adapter `{origin.adapter}`." if origin.adapter else "."),
        "",
        "```python",
        purpose.usage,
        "```",
        "",
        "## Where it comes from",
        "",
    ]
    if not origin.provenance:
        lines.append("Nothing was recorded.")
    for title, value in origin.provenance.items():
        lines += [f"### {title.replace('_', ' ').capitalize()}", "", in_markdown(value), ""]
    return "\n".join(lines).rstrip() + "\n"


def in_markdown(value: Any) -> str:
    """Return one provenance entry as a paragraph, a list or a table-like list."""
    if isinstance(value, Mapping):
        return "\n".join(f"- {name}: {compact(entry)}" for name, entry in value.items()) or "(empty)"
    if isinstance(value, (list, tuple)):
        return "\n".join(f"- {compact(entry)}" for entry in value) or "(empty)"
    return compact(value)


def compact(value: Any) -> str:
    """Return a value on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
