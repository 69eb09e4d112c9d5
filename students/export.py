"""Export: a student as a folder that `AutoModelForCausalLM` and `AutoTokenizer` load, with a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError
from lessons.folders import MARKER, staged_folder
from lessons.transformers_models import bars_on_terminals_only, plain_model

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, torch
    from students.student import Student

__all__ = ["export", "export_adapter", "model_card"]


def export(student: Student, folder: str | Path, provenance: Mapping[str, Any], replace_ours: bool = False) -> Path:
    """Write weights (safetensors, adapter merged), tokenizer with chat template, generation settings and README.md.

    The folder appears whole or not at all. The student in memory is not changed.

    Args:
        student: What to write.
        folder: Where; it must not exist.
        provenance: Where the student comes from, JSON values: teachers, curriculum, data fingerprint, figures ...
            Written to the model card and to tutelage.json.
        replace_ours: Allow replacing a folder that an earlier export wrote.

    Raises:
        ConfigError: The folder exists and may not be replaced.
        StorageError: The disk refused a write.
    """
    config = student.base_model.config
    if config.is_encoder_decoder:
        model = plain_model(config, tensors(student), kind="AutoModelForSeq2SeqLM")
        card = model_card(student, provenance, "text2text-generation", TO_TRANSFORM)
    else:
        model, card = plain_model(config, tensors(student)), model_card(student, provenance)
    model.generation_config = generation_config(student)
    return write_folder(student, model, card, folder, provenance, replace_ours)


def write_folder(
    student: Student,
    model: PreTrainedModel,
    card: str,
    folder: str | Path,
    provenance: Mapping[str, Any],
    replace_ours: bool,
) -> Path:
    """Write a plain model with its student's tokenizer, a model card and the record of where it comes from."""
    record = {"weights": student.weights.name, "fingerprint": student.fingerprint, "provenance": dict(provenance)}
    with staged_folder(folder, replace_ours) as partial:
        with bars_on_terminals_only():
            model.save_pretrained(partial)
        student.tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(card, encoding="utf-8")
        text = json.dumps(record, indent=2, ensure_ascii=False, default=str)
        (partial / MARKER).write_text(text + "\n", encoding="utf-8")
    return Path(folder)


def export_adapter(student: Student, folder: str | Path, replace_ours: bool = False) -> Path:
    """Write the adapter alone, in peft's format: a few megabytes, for `students.Adapted` on the same weights.

    Args:
        student: A student with an adapter.
        folder: Where; it must not exist.
        replace_ours: Allow replacing a folder that an earlier export wrote.

    Raises:
        ConfigError: The student has no adapter, or the folder exists and may not be replaced.
        StorageError: The disk refused a write.
    """
    if student.adapter is None:
        raise ConfigError(
            f"The student {student.weights.name} has no adapter that could be written to {folder}: all its weights are "
            "trained. Give it one (model.student.adapter), or leave out export.adapter_folder."
        )
    wrapped: Any = student.model
    record = {"weights": student.weights.name, "fingerprint": student.fingerprint}
    with staged_folder(folder, replace_ours) as partial:
        wrapped.save_pretrained(partial, safe_serialization=True)
        (partial / MARKER).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return Path(folder)


def tensors(student: Student) -> dict[str, torch.Tensor]:
    """Return the model's tensors under plain names, with the adapter's additions added in."""
    base = student.base_model
    if student.adapter is None:
        return {name: tensor.detach() for name, tensor in base.state_dict().items()}
    from students.lora import merged_tensors

    return merged_tensors(base)


def generation_config(student: Student) -> Any:
    """Return generation settings that stop where the student was trained to stop."""
    from transformers import GenerationConfig

    settings: Any = GenerationConfig  # its constructor carries no types
    return settings(
        bos_token_id=student.tokenizer.bos_token_id,
        eos_token_id=student.encoder.stop_ids,
        pad_token_id=student.encoder.pad_id,
        decoder_start_token_id=getattr(student.base_model.config, "decoder_start_token_id", None),
        do_sample=False,
    )


TO_GENERATE = """from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("path/of/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/of/this/folder")
messages = [{"role": "user", "content": "..."}]
ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
print(tokenizer.batch_decode(model.generate(**ids, max_new_tokens=256)))"""

TO_TRANSFORM = """from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

model = AutoModelForSeq2SeqLM.from_pretrained("path/of/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/of/this/folder")
messages = [{"role": "user", "content": "..."}]
ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
print(tokenizer.batch_decode(model.generate(**ids, max_new_tokens=256)))"""


def model_card(
    student: Student, provenance: Mapping[str, Any], task: str = "text-generation", usage: str = TO_GENERATE
) -> str:
    """Return the text of README.md: what it is, how to use it, where it comes from.

    Args:
        student: Who is exported.
        provenance: Where it comes from.
        task: What the hub calls models of this sort.
        usage: Lines of Python that use the folder.
    """
    header = ["---", "library_name: transformers", f"pipeline_tag: {task}", "tags: [distillation, tutelage]"]
    lines = [
        *header,
        "---",
        "",
        "# A student trained with tutelage",
        "",
        f"Started from `{student.weights.name}`"
        + (f", trained with a merged adapter `{student.adapter}`." if student.adapter else "."),
        "",
        "```python",
        usage,
        "```",
        "",
        "## Where it comes from",
        "",
    ]
    if not provenance:
        lines.append("Nothing was recorded.")
    for title, value in provenance.items():
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
