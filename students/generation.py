"""Answers from a student, many at a time: batched, left padded, stopped at the end of the turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lessons.errors import ConfigError, RenderingError
from lessons.records import Message
from students.decoding import Generation, by_row, sample, streams

if TYPE_CHECKING:
    from students.heavy_types import torch
    from students.student import Student

__all__ = ["Generated", "answer", "continuations"]

Progress = Callable[[int, int], None]
"""Called with the number of answers finished and wanted."""


@dataclass(frozen=True, slots=True)
class Generated:
    """One generated answer."""

    text: str
    """The answer without special tokens."""
    tokens: int
    """Tokens generated, end-of-turn included."""
    truncated: bool
    """Whether it ran into the token limit before its end."""


def answer(
    student: Student,
    conversations: Sequence[Sequence[Message]],
    generation: Generation | None = None,
    progress: Progress | None = None,
    stop_text: str | None = None,
) -> list[Generated]:
    """Answer conversations, in their order.

    A student that is not in memory yet is loaded onto the machine's accelerator; one in memory answers where it is.
    Sampled answers depend on seed and prompt, not on which prompts share a batch (up to rounding of the logits, which
    batch shapes can change in the last bit); the k-th copy of one prompt draws from a stream of its own. An answer that
    holds `stop_text` is over there.

    Raises:
        RenderingError: A prompt leaves no room for an answer in the model's context, or cannot be rendered.
    """
    generation = generation or Generation()
    generation.check()
    if not student.built:
        student.place()
    prompts = student.encoder.prompts(conversations)
    uniforms = streams(prompts, generation) if generation.temperature > 0 else None
    return read(student, continuations(student, prompts, generation, uniforms, progress, stop_text))


def continuations(
    student: Student,
    prompts: Sequence[list[int]],
    generation: Generation,
    uniforms: Sequence[np.ndarray] | None = None,
    progress: Progress | None = None,
    stop_text: str | None = None,
) -> list[list[int]]:
    """Return the ids a student writes after each of some prompts, the end-of-turn token included, in their order.

    It writes no id that its tokenizer does not know, though many output layers have rows for more.

    Args:
        student: Who writes, where it is, with dropout off.
        prompts: Ids to go on from, [prompts] of any length.
        generation: How long answers are and how they are sampled; its seed is not used here.
        uniforms: Numbers in [0, 1) to draw each answer's tokens with, [max_new_tokens] each; None for greedy answers.
        progress: Called with the number of answers finished and wanted.
        stop_text: Text with which an answer is over; None for end-of-turn tokens alone.

    Raises:
        RenderingError: A prompt leaves no room for an answer in the model's context.
        ConfigError: The student writes no text.
    """
    if not student.writes:
        raise ConfigError(
            f"{student.weights.name} is a {type(student).__name__}, which gives scores and writes no text. Needed for "
            "answers is a students.Student. Have its scores by students.score_texts, or name another student."
        )
    limit = student.context_length
    for number, ids in enumerate(prompts):
        if limit is not None and len(ids) >= limit:
            raise RenderingError(
                f"Prompt {number} has {len(ids)} tokens, but the model's context is {limit}, which leaves no "
                "room for an answer. Shorten the prompt, or choose a model with a longer context."
            )
    order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))  # longest first: memory peaks at the start
    written: dict[int, list[int]] = {}
    model = student.model
    write = generate_batch
    if getattr(model.config, "is_encoder_decoder", False):
        from students.encoder_decoder import generate_batch as write
    was_training = model.training
    model.train(False)
    try:
        for start in range(0, len(order), generation.batch_size):
            chosen = order[start : start + generation.batch_size]
            draws = None if uniforms is None else np.stack([uniforms[i] for i in chosen])
            found = write(student, [prompts[i] for i in chosen], generation, draws, stop_text)
            written.update(zip(chosen, found, strict=True))
            if progress:
                progress(len(written), len(prompts))
    finally:
        model.train(was_training)
    return [written[i] for i in range(len(prompts))]


def read(student: Student, written: list[list[int]]) -> list[Generated]:
    """Decode what was generated."""
    stops = set(student.encoder.stop_ids)
    texts = student.tokenizer.batch_decode(written, skip_special_tokens=True) if written else []
    return [
        Generated(text, tokens=len(ids), truncated=not ids or ids[-1] not in stops)
        for ids, text in zip(written, texts, strict=True)
    ]


def generate_batch(
    student: Student,
    prompts: list[list[int]],
    generation: Generation,
    uniforms: np.ndarray | None,
    stop_text: str | None = None,
) -> list[list[int]]:
    """Generate for one batch with a key-value cache; rows that are done leave it, so the rest goes faster."""
    import torch

    from students.ends import Ends

    model, device = student.model, student.device
    ends = Ends(student, stop_text)
    known = student.encoder.vocabulary_size
    limit = student.context_length or 2**62
    budgets = torch.tensor([min(generation.max_new_tokens, limit - len(ids)) for ids in prompts], device=device)
    rows = torch.arange(len(prompts), device=device)
    draws = None if uniforms is None else torch.from_numpy(uniforms).to(device)
    steps: list[tuple[torch.Tensor, torch.Tensor]] = []
    with torch.inference_mode():
        inputs, mask = left_padded(prompts, student.encoder.pad_id, device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)  # [batch, time]
        cache = None
        for step in range(int(budgets.max())):
            extra: dict[str, Any] = {} if cache is None else {"past_key_values": cache}
            output = model(
                input_ids=inputs, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1, **extra
            )
            cache = kept_cache(output, model)
            logits = output.logits[:, -1, :known]  # [batch, vocabulary]
            logits = logits if logits.dtype == torch.float64 else logits.float()
            tokens = logits.argmax(-1) if draws is None else sample(logits, draws[rows, step], generation)
            steps.append((rows, tokens))
            going = ~ends.reached(rows, tokens) & (budgets[rows] > step + 1)
            if not bool(going.all()):
                kept = going.nonzero()[:, 0]
                if not len(kept):
                    break
                cache.batch_select_indices(kept)
                rows, tokens, mask, positions = rows[kept], tokens[kept], mask[kept], positions[kept]
            inputs, positions = tokens[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
    return by_row(steps, len(prompts))


def kept_cache(output: Any, model: torch.nn.Module) -> Any:
    """Return the cache a forward pass left; refuse models that keep none in this form (state-space models)."""
    cache = getattr(output, "past_key_values", None)
    if cache is None or not hasattr(cache, "batch_select_indices"):
        raise ConfigError(
            f"{type(model).__name__} keeps no key-value cache, so it cannot generate in batches here. Allowed are "
            "models with attention (Llama, Qwen, Gemma, GPT-2 ...). Choose such a model as student."
        )
    return cache


def left_padded(prompts: list[list[int]], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask, [batch, time] each, with every prompt's last token in the last column."""
    import torch

    longest = max(map(len, prompts))
    ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
    return ids, mask
