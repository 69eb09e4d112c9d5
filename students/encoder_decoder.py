"""Sequence-to-sequence models (T5, BART): an encoder reads the question, a decoder writes the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lessons.errors import ConfigError
from students.decoding import Generation, by_row, sample
from students.split_model import SplitModel

if TYPE_CHECKING:
    from students.student import Student

__all__ = ["EncoderDecoder", "generate_batch", "is_encoder_decoder", "split_of"]


class EncoderDecoder(SplitModel):
    """A sequence-to-sequence model that is given whole sequences, question and answer, as causal models are.

    All up to the first position that is asked for is the encoder's, from the token after it on the decoder's: lessons
    are rendered, put into batches and normalised by the same code as for causal models. What is given of an answer, and
    not learnt, is read by the encoder too. Nothing is packed: encoder and decoder are padded, and padding is masked.

    Args:
        model: A transformers sequence-to-sequence model, or a peft model around one.
        packing: Whether packing was wished for: it is not to be had, and that is logged.
    """

    def packs_exactly(self) -> bool:
        """Return False.

        T5 makes the biases of its attention for a whole row, [heads, tokens, tokens], before attention is called: of a
        packed row that is more than the padding was. BART counts its positions by the row, and takes no others.
        """
        return False

    def projects_only(self) -> bool:
        """Return whether the logits are a product of the decoder's states with the output layer (T5 may scale them)."""
        head = self.causal.get_output_embeddings()
        if type(head) is not nn.Linear:
            return False
        ids = torch.arange(4, device=head.weight.device)[None] % head.weight.shape[0]
        whole = self.model(input_ids=ids, decoder_input_ids=ids, use_cache=False).logits
        split = nn.functional.linear(self.states(ids, torch.ones_like(ids), ids), head.weight, head.bias)
        return whole.shape == split.shape and torch.allclose(whole, split.to(whole.dtype), 1e-3, 1e-4)

    def states(self, read: Tensor, mask: Tensor, written: Tensor) -> Tensor:
        """Return the decoder's final states, [rows, time, features].

        Args:
            read: The encoder's ids, [rows, any time].
            mask: 1 where they are real, [rows, any time].
            written: The decoder's ids, [rows, time].
        """
        states = self.causal.get_encoder()(input_ids=read, attention_mask=mask).last_hidden_state
        found: Tensor = self.causal.get_decoder()(
            input_ids=written, encoder_hidden_states=states, encoder_attention_mask=mask, use_cache=False
        ).last_hidden_state
        return found

    def at(self, input_ids: Tensor, positions: Tensor) -> Tensor:
        """Return the decoder's final states at some positions; of a model that must be used whole, its logits there.

        The decoder's first input stands at the first position that is asked for in a row.

        Args:
            input_ids: Question and answer, right-padded, [rows, time].
            positions: Indices into the flattened [rows * time], at least one in every row, [positions].
        """
        rows, width = input_ids.shape
        row, column = positions // width, positions % width
        first = positions.new_full((rows,), width).scatter_reduce(0, row, column, "amin")
        last = positions.new_zeros(rows).scatter_reduce(0, row, column, "amax")
        steps = torch.arange(width, device=input_ids.device)
        mask = (steps <= first[:, None]).long()[:, : int(first.max()) + 1]
        places = (first[:, None] + steps[: int((last - first).max()) + 1]).clamp(max=width - 1)
        written = input_ids.gather(1, places)
        written[:, 0] = start_of(self.causal)
        read = input_ids[:, : mask.shape[1]]
        if self.splits:
            return self.states(read, mask, written)[row, column - first[row]]
        logits: Tensor = self.model(
            input_ids=read, attention_mask=mask, decoder_input_ids=written, use_cache=False
        ).logits
        return logits[row, column - first[row]]


def is_encoder_decoder(model: Any) -> bool:
    """Whether a transformers model, or a peft model around one, is a sequence-to-sequence model."""
    return bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))


def split_of(model: nn.Module, packing: bool) -> SplitModel:
    """Return the model as decoder and output layer, after looking at what it does.

    Args:
        model: A transformers language model, or a peft model around one.
        packing: Whether to pack batches that have much padding, if the model allows it.
    """
    kind = EncoderDecoder if is_encoder_decoder(model) else SplitModel
    return kind(model, packing).check()


def start_of(model: Any) -> int:
    """Return the decoder's first token.

    Raises:
        ConfigError: The model's configuration does not name one.
    """
    start = model.config.decoder_start_token_id
    if start is None:
        raise ConfigError(
            f"The configuration of this {type(model).__name__} has no decoder_start_token_id, so its decoder cannot "
            "begin. Needed is the id that it was trained with. Write it into the folder's config.json."
        )
    return int(start)


def generate_batch(
    student: Student,
    prompts: list[list[int]],
    generation: Generation,
    uniforms: np.ndarray | None,
    stop_text: str | None = None,
) -> list[list[int]]:
    """Generate for one batch: the encoder reads once, the decoder writes with a cache; rows that are done leave it.

    As `students.generation.generate_batch` does for causal models.
    """
    from transformers.modeling_outputs import BaseModelOutput

    from students.ends import Ends

    model: Any = student.model
    ends = Ends(student, stop_text)
    width = max(map(len, prompts))
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in prompts], device=student.device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in prompts], device=student.device)
    rows = torch.arange(len(prompts), device=student.device)
    draws = None if uniforms is None else torch.from_numpy(uniforms).to(student.device)
    steps: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        states = student.base_model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        inputs = torch.full((len(prompts), 1), start_of(student.base_model), device=student.device)
        cache = None
        for step in range(generation.max_new_tokens):
            output = model(
                encoder_outputs=BaseModelOutput(last_hidden_state=states),
                attention_mask=mask,
                decoder_input_ids=inputs,
                past_key_values=cache,
                use_cache=True,
            )
            cache = output.past_key_values
            logits = output.logits[:, -1, : student.encoder.vocabulary_size]
            logits = logits if logits.dtype == torch.float64 else logits.float()
            tokens = logits.argmax(-1) if draws is None else sample(logits, draws[rows, step], generation)
            steps.append((rows, tokens))
            kept = (~ends.reached(rows, tokens)).nonzero()[:, 0]
            if not len(kept):
                break
            cache.batch_select_indices(kept)
            rows, tokens, mask, states = rows[kept], tokens[kept], mask[kept], states[kept]
            inputs = tokens[:, None]
    return by_row(steps, len(prompts))
