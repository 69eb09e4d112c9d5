"""Batched generation with a local model. Imports torch: only `TransformersBackend` uses it, on its first call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from lessons.errors import ConfigError
from lessons.model_files import resolve
from teachers.backend import JSON, Request
from teachers.generation_stats import GenerationStats

__all__ = ["LocalModel"]


@dataclass
class LocalModel:
    """A causal language model and its tokenizer."""

    model: Any
    """The model, in evaluation mode."""
    tokenizer: Any
    """The tokenizer, padding on the left."""
    end_ids: tuple[int, ...]
    """Tokens that end a turn."""

    @classmethod
    def load(cls, name: str, revision: str | None, dtype: str, device: str, threads: int | None) -> LocalModel:
        """Load a model from a folder, a GGUF file or the hub."""
        if threads is not None:
            torch.set_num_threads(threads)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        # bfloat16 on a processor without instructions for it is some 100 times slower than float32
        chosen = (
            (torch.bfloat16 if device.startswith("cuda") else torch.float32)
            if dtype == "auto"
            else getattr(torch, dtype)
        )
        files = resolve(name, revision)
        where: dict[str, Any] = {"revision": revision} if files.kind == "hub" and revision else {}
        path = files.path
        if files.kind == "gguf":
            path, where["gguf_file"] = str(Path(path).parent), Path(path).name
        tokenizer = AutoTokenizer.from_pretrained(path, **where)
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=chosen, **where)
        model = model.to(device).eval()
        tokenizer.padding_side = "left"
        ends = end_ids(model, tokenizer)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token_id = ends[0]
        return cls(model, tokenizer, ends)

    def complete(
        self, requests: Sequence[Request], prompts: Sequence[list[int]], seeds: Sequence[int], stats: GenerationStats
    ) -> list[JSON]:
        """Generate one completion for each request, given as `prompt_ids` too, in one batch."""
        started = time.perf_counter()
        width = max(map(len, prompts))
        limits = [request.sampling.max_output_tokens for request in requests]
        ids = torch.full((len(prompts), width), self.tokenizer.pad_token_id)  # [rows, width]
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        with torch.inference_mode():
            written = self.model.generate(
                input_ids=ids.to(self.model.device),
                attention_mask=mask.to(self.model.device),
                max_new_tokens=max(limits),
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=self.tokenizer.pad_token_id,
                eos_token_id=list(self.end_ids),
                logits_processor=LogitsProcessorList([RowSampling(requests, seeds)]),
                stopping_criteria=StoppingCriteriaList([RowLimits(limits, width)]),
            )[:, width:].tolist()
        rows = [self.raw(*row) for row in zip(requests, prompts, written, limits, strict=True)]
        stats.requests += len(rows)
        stats.batches += 1
        stats.input_tokens += sum(row["input_tokens"] for row in rows)
        stats.output_tokens += sum(row["output_tokens"] for row in rows)
        stats.seconds += time.perf_counter() - started
        return rows

    def prompt_ids(self, request: Request) -> list[int]:
        """Render the conversation with the model's own chat template; plain text for models without one."""
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        if self.tokenizer.chat_template is None:
            text = "\n\n".join(message["content"] for message in messages) + "\n\n"
            ids = self.tokenizer(text)["input_ids"]
        else:
            ids = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        room = getattr(self.model.config, "max_position_embeddings", None)
        if room is not None and len(ids) + request.sampling.max_output_tokens > room:
            raise ConfigError(
                f"The prompt has {len(ids)} tokens and max_output_tokens is {request.sampling.max_output_tokens}; "
                f"together that is more than the {room} that the model can hold. Lower max_output_tokens or leave "
                "the prompt out."
            )
        return cast("list[int]", ids)

    def raw(self, request: Request, prompt: list[int], written: list[int], limit: int) -> JSON:
        """Cut a row at its end token, its limit or its stop text, and describe it."""
        kept = written[:limit]
        ended = next((position for position, token in enumerate(kept) if token in self.end_ids), None)
        reason = "length" if ended is None else "stop"
        count = len(kept) if ended is None else ended + 1
        text = self.tokenizer.decode(kept[:ended], skip_special_tokens=True)
        for stop in request.sampling.stop:
            if stop in text:
                text, reason = text[: text.index(stop)], "stop"
        return {"text": text.strip(), "finish_reason": reason, "input_tokens": len(prompt), "output_tokens": count}


def end_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Return the tokens that end a turn, as the model's and the tokenizer's settings say."""
    found: list[int] = []
    for value in (model.generation_config.eos_token_id, tokenizer.eos_token_id):
        found += value if isinstance(value, list) else [] if value is None else [value]
    if not found:
        raise ConfigError(
            f"The model {model.config.name_or_path!r} names no end-of-turn token, so its answers would never end. Set "
            "eos_token_id in its generation_config.json."
        )
    return tuple(dict.fromkeys(found))


class RowSampling(LogitsProcessor):
    """Turns greedy choice into sampling, row by row: the largest of logits / temperature + Gumbel noise is a sample.

    Every row draws its noise from a generator of its own, so its text does not depend on the other rows of the batch.
    """

    def __init__(self, requests: Sequence[Request], seeds: Sequence[int]) -> None:
        self.rows = [
            (row, request.sampling.temperature, request.sampling.top_p, torch.Generator().manual_seed(seed))
            for row, (request, seed) in enumerate(zip(requests, seeds, strict=True))
            if request.sampling.temperature is None or request.sampling.temperature > 0
        ]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the scores, [rows, vocabulary], with noise on the sampled rows."""
        if not self.rows:
            return scores
        scores = scores.float().clone()
        for row, temperature, top_p, generator in self.rows:
            logits = scores[row].cpu() / (1.0 if temperature is None else temperature)
            if top_p < 1.0:
                logits = nucleus(logits, top_p)
            noise = -torch.log(-torch.log(torch.rand(logits.shape, generator=generator).clamp_min(1e-20)))
            scores[row] = (logits + noise).to(scores.device)
        return scores


def nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the likeliest tokens that together hold `top_p` of the mass; [vocabulary]."""
    ordered, order = logits.sort(descending=True)
    before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
    return torch.full_like(logits, float("-inf")).scatter(0, order, ordered.masked_fill(before >= top_p, float("-inf")))


class RowLimits(StoppingCriteria):
    """Ends every row at its own token limit."""

    def __init__(self, limits: Sequence[int], width: int) -> None:
        self.limits = torch.tensor(limits)
        self.width = width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        """Return which rows are done, [rows]."""
        done: torch.Tensor = self.limits.to(input_ids.device) <= input_ids.shape[1] - self.width
        return done
