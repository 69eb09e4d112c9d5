"""A student that gives scores in place of text: for re-rankers, judges, verifiers and classifiers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons.errors import ConfigError
from lessons.transformers_models import plain_model
from students.export import Purpose, write_folder
from students.lora import LoRA
from students.precision import PrecisionName
from students.scoring_head import KIND, has_head, head_of, with_new_head
from students.student import Student
from students.weights import Pretrained, Weights

if TYPE_CHECKING:
    from students.heavy_types import PreTrainedModel, torch

__all__ = ["Scorer"]

USAGE = """from transformers import AutoModelForSequenceClassification, AutoTokenizer

model = AutoModelForSequenceClassification.from_pretrained("path/of/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/of/this/folder")
# {what}
messages = [{{"role": "user", "content": "..."}}{answer}]
text = tokenizer.apply_chat_template(messages, tokenize=False{prompt})
{cut}print(model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits)"""


class Scorer(Student):
    """A language model whose output layer is replaced by a linear head, read at the end of a conversation.

    Without labels it gives one score to an answer, read at its end-of-turn token; with labels one number to each, read
    where the answer to a question would begin. All weights are trained, or an adapter and the head, which is new and
    therefore trained whole, in float32. It writes no text, so an exam of answers is refused. Its export is loaded by
    `AutoModelForSequenceClassification`, and can be a scorer's weights again, head included; so can its adapter, which
    holds the head, by `students.Adapted`.

    Args:
        weights: Where weights and tokenizer come from: a causal language model, or an exported scorer.
        labels: Names of the classes; None for one score.
        head_seed: Seed of the head's first values.
        adapter: A low-rank adapter to train in place of the decoder's weights; None to train all weights.
        precision: Number format of the weights: "auto" chooses by hardware and logs why.
        gradient_checkpointing: Whether to recompute activations in the backward pass: less memory, more time.
        packing: Whether to compute sequences of different lengths as one row without padding, where the model allows.
        chat_template: A Jinja chat template to use in place of the tokenizer's: its text, or the path of a file.
        template_arguments: Extra variables for the chat template, such as {"enable_thinking": false}.
    """

    writes = False
    head_name = "score"

    def __init__(
        self,
        weights: Weights,
        labels: list[str] | None = None,
        head_seed: int = 0,
        adapter: LoRA | None = None,
        precision: PrecisionName = "auto",
        gradient_checkpointing: bool = False,
        packing: bool = True,
        chat_template: str | None = None,
        template_arguments: dict[str, bool | int | float | str] | None = None,
    ) -> None:
        super().__init__(
            weights, adapter, precision, gradient_checkpointing, packing, chat_template, template_arguments
        )
        self.labels = labels
        self.head_seed = head_seed

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return len(self.labels) if self.labels is not None else 1

    @cached_property
    def model(self) -> PreTrainedModel:
        """The model, as every student's; beside an adapter, the head is in float32, as the adapter is."""
        import torch

        model = super().model
        if self.adapter is not None:
            torch.nn.Module.to(head_of(model), torch.float32)
        return model

    def loaded(self) -> PreTrainedModel:
        """Load the weights, with their head where they have one and a new one where not.

        Raises:
            ConfigError: A head in the weights is of another size, or the architecture has none.
        """
        if self.labels is not None and len(set(self.labels)) < max(2, len(self.labels)):
            raise ConfigError(
                f"The scorer got labels {self.labels}. Allowed are two or more different names, or none for one score. "
                "Correct `labels`."
            )
        source = self.weights.foundation
        if isinstance(source, Pretrained) and has_head(source.folder):
            return self.weights.finish(self.with_own_head(source))
        causal = source.load(self.number_format.dtype).model
        made = with_new_head(causal, self.outputs, self.labels, self.head_seed, self.end_padding)
        return self.weights.finish(made)

    def with_own_head(self, source: Pretrained) -> PreTrainedModel:
        """Load an exported scorer."""
        import transformers

        factory: Any = getattr(transformers, KIND)  # its methods carry no types
        model: PreTrainedModel = factory.from_pretrained(
            source.folder, dtype=self.number_format.dtype, use_safetensors=True, local_files_only=True, **source.reading
        )
        names = [str(name) for _, name in sorted((model.config.id2label or {}).items())]
        if len(names) != self.outputs or (self.labels is not None and names != self.labels):
            raise ConfigError(
                f"The weights in {source.folder} have a head for {len(names)} numbers ({', '.join(names)}), the "
                f"settings ask for {self.labels or 'one score'}. Both must be the same. Correct `labels`, or start "
                "from a language model."
            )
        return model

    @property
    def end_padding(self) -> int:
        """A token that never ends a sequence: transformers reads the head at the last token that is not this one."""
        end = self.encoder.end_of_turn
        others = [self.tokenizer.pad_token_id, self.tokenizer.bos_token_id, *sorted(self.encoder.special_ids)]
        return next((int(token) for token in others if token not in (None, end)), end)

    @cached_property
    def head(self) -> torch.nn.Linear:
        """The linear layer that gives the scores."""
        return head_of(self.model)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over initial weights, head and encoder."""
        parts = [super().fingerprint, repr(self.labels), str(self.head_seed)]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    def export(
        self, folder: str | Path, provenance: Mapping[str, Any] | None = None, replace_ours: bool = False
    ) -> Path:
        """Write the scorer as a folder that `AutoModelForSequenceClassification` loads; see `Student.export`."""
        # Many tokenizers pad with the end-of-turn token; transformers would then read the head at the padding.
        self.tokenizer.pad_token_id = self.end_padding
        model = plain_model(self.base_model.config, self.tensors(), kind=KIND)
        purpose = Purpose(KIND, "text-classification", self.usage())
        return write_folder(folder, model, self.tokenizer, purpose, self.origin(provenance), replace_ours)

    def usage(self) -> str:
        """Return lines of Python that use the exported folder."""
        if self.labels is not None:
            what = f"One number each for {', '.join(self.labels)}, before the answer begins."
            return USAGE.format(what=what, answer="", prompt=", add_generation_prompt=True", cut="")
        end = json.dumps(str(self.tokenizer.convert_ids_to_tokens(self.encoder.end_of_turn)))
        return USAGE.format(
            what="The score of the answer, read at its end-of-turn token.",
            answer=', {"role": "assistant", "content": "..."}',
            prompt="",
            cut=f"text = text[: text.rindex({end}) + {len(json.loads(end))}]\n",
        )
