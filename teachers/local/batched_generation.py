"""Batched writing and scoring with a local model. Imports torch: only `TransformersBackend` uses it, on first use."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PretrainedConfig

from lessons.errors import ConfigError
from lessons.gguf import converted_folder
from lessons.model_files import resolve
from lessons.transformers_models import bars_on_terminals_only
from teachers.exchange import JSON, Request
from teachers.local.generation_stats import GenerationStats
from teachers.local.model_state import Reader
from teachers.local.request_batches import Group, Row
from teachers.local.row_draws import RowDraws
from teachers.local.token_logprobs import LogprobNotes, Noted, spelled
from teachers.local.weights_read import teacher_reading

__all__ = ["LocalModel"]

LEAVING_SHARE = 8  # finished rows leave when they are 1/8 of a batch: that copies the cache, as much as one step does
SCORED_LOGITS = 2**25  # logits computed at once when scoring: 128 MiB in float32


@dataclass
class LocalModel:
    """A causal language model and its tokenizer."""

    model: Any
    """The model, in evaluation mode."""
    tokenizer: Any
    """The tokenizer."""
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
        path = str(converted_folder(Path(files.path))) if files.kind == "gguf" else files.path
        reading = teacher_reading(PretrainedConfig.get_config_dict(path, **where)[0], name)
        tokenizer = AutoTokenizer.from_pretrained(path, **where)
        with bars_on_terminals_only():
            model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=chosen, **where, **reading)
        model = model.to(device).eval()
        return cls(model, tokenizer, end_ids(model, tokenizer))

    def group(self, requests: Sequence[Request], futures: Sequence[Future[JSON]]) -> Group:
        """Return the rows of requests that differ only in their sample numbers.

        Raises:
            ConfigError: They do not fit into the model's context.
        """
        prompt = self.prompt_ids(requests[0])
        continuation = self.continuation_ids(requests[0])
        room = getattr(self.model.config, "max_position_embeddings", None)
        wanted = requests[0].sampling.max_output_tokens if continuation is None else len(continuation)
        if room is not None and len(prompt) + wanted > room:
            named = "max_output_tokens is" if continuation is None else "the continuation has"
            raise ConfigError(
                f"The prompt has {len(prompt)} tokens and {named} {wanted}; together that is more than the {room} that "
                f"the model can hold. {'Lower max_output_tokens' if continuation is None else 'Shorten it'}, or leave "
                "the prompt out."
            )
        return Group(
            [
                Row(request, prompt, future, continuation, counts_prompt=number == 0)
                for number, (request, future) in enumerate(zip(requests, futures, strict=True))
            ]
        )

    def prompt_ids(self, request: Request) -> list[int]:
        """Render the conversation with the model's own chat template; plain text for models without one."""
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        if self.tokenizer.chat_template is None:
            text = "\n\n".join(message["content"] for message in messages) + "\n\n"
            return cast("list[int]", self.tokenizer(text)["input_ids"])
        ids = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        return cast("list[int]", ids)

    def continuation_ids(self, request: Request) -> list[int] | None:
        """Return the tokens to score; None when a text is to be written."""
        if request.continuation is None:
            return None
        return cast("list[int]", self.tokenizer(request.continuation, add_special_tokens=False)["input_ids"])

    def complete(self, rows: Sequence[Row], stats: GenerationStats) -> list[JSON]:
        """Return the raw replies to rows that are all written or all scored, in one batch."""
        started = time.perf_counter()
        reader = Reader(self.model)
        with torch.inference_mode():
            raws = self.write(reader, rows) if rows[0].continuation is None else self.score(reader, rows)
        stats.requests += len(rows)
        stats.batches += 1
        stats.input_tokens += sum(len(row.prompt) for row in rows)
        stats.read_tokens += reader.prompt_tokens
        stats.output_tokens += sum(raw["output_tokens"] for raw in raws)
        stats.seconds += time.perf_counter() - started
        return raws

    def write(self, reader: Reader, rows: Sequence[Row]) -> list[JSON]:
        """Write token by token with a key-value cache; rows that are done leave it."""
        state = reader.prompts([row.prompt for row in rows])
        draws, notes = RowDraws(rows, reader.device), LogprobNotes(rows)
        written: list[list[int]] = [[] for _ in rows]
        going = torch.arange(len(rows), device=reader.device)  # the rows still in the batch, by number
        for step in range(max(row.request.sampling.max_output_tokens for row in rows)):
            tokens = draws.choose(state.logits[:, -1], going, step)
            notes.take(state.logits, going, tokens[:, None])
            numbers = going.tolist()
            for number, token in zip(numbers, tokens.tolist(), strict=True):
                if not self.ended(rows[number], written[number]):
                    written[number].append(token)
            places = [place for place, number in enumerate(numbers) if not self.ended(rows[number], written[number])]
            if not places:
                break
            if (len(numbers) - len(places)) * LEAVING_SHARE >= len(numbers):
                kept = torch.tensor(places, device=reader.device)
                state.keep(kept)
                going, tokens = going[kept], tokens[kept]
            state = reader.more(state, tokens[:, None])
        return [self.written(*found) for found in zip(rows, written, notes.by_row(), strict=True)]

    def ended(self, row: Row, written: list[int]) -> bool:
        """Whether a row has come to its end token, its limit or a stop text."""
        sampling = row.request.sampling
        if len(written) >= sampling.max_output_tokens or (written and written[-1] in self.end_ids):
            return True
        if not sampling.stop:
            return False
        tail = self.tokenizer.decode(written[-16 - max(map(len, sampling.stop)) :], skip_special_tokens=True)
        return any(stop in tail for stop in sampling.stop)

    def written(self, row: Row, ids: list[int], notes: list[Noted] | None) -> JSON:
        """Cut a row at its end token or stop text, and describe it."""
        ended = bool(ids) and ids[-1] in self.end_ids
        kept = ids[:-1] if ended else ids
        text = self.tokenizer.decode(kept, skip_special_tokens=True)
        stops = [text.index(stop) for stop in row.request.sampling.stop if stop in text]
        if stops:
            text = text[: min(stops)]
        raw: JSON = {
            "text": text.strip(),
            "finish_reason": "stop" if ended or stops else "length",
            "input_tokens": len(row.prompt) if row.counts_prompt else 0,
            "output_tokens": len(ids),
        }
        if notes is not None:
            found = spelled(self.tokenizer, kept, notes[: len(kept)])
            raw["logprobs"] = until(found, len(text)) if stops else found
        return raw

    def score(self, reader: Reader, rows: Sequence[Row]) -> list[JSON]:
        """Read given texts after their conversations, a few tokens at a time, and note how likely each token was."""
        texts = [row.continuation or [] for row in rows]
        longest = max(map(len, texts))
        lengths = torch.tensor([len(text) for text in texts], device=reader.device)
        padded = torch.tensor([text + [0] * (longest - len(text)) for text in texts], device=reader.device)
        notes = LogprobNotes(rows)
        state = reader.prompts([row.prompt for row in rows])
        at_once = max(1, SCORED_LOGITS // (len(rows) * state.logits.shape[-1]))
        going = torch.arange(len(rows), device=reader.device)
        read = 0
        while read < longest:
            first = read - state.logits.shape[1] + 1  # the logits after a token tell of the next
            notes.take(state.logits, going, padded[going, first : read + 1])
            kept = (lengths[going] > read + 1).nonzero()[:, 0]
            if not len(kept):
                break
            if len(kept) < len(going):
                state.keep(kept)
                going = going[kept]
            block = padded[going, read : min(read + at_once, longest - 1)]
            state = reader.more(state, block)
            read += block.shape[1]
        return [self.scored(*found) for found in zip(rows, texts, notes.by_row(), strict=True)]

    def scored(self, row: Row, ids: list[int], notes: list[Noted] | None) -> JSON:
        """Describe a scored text; what was read is the conversation and the text."""
        return {
            "text": row.request.continuation,
            "finish_reason": "stop",
            "input_tokens": len(row.prompt) * row.counts_prompt + len(ids),
            "output_tokens": 0,
            "logprobs": spelled(self.tokenizer, ids, (notes or [])[: len(ids)]),
        }


def until(spelled_tokens: list[Any], length: int) -> list[Any]:
    """Return the tokens that begin within the first so many characters."""
    begins = [0, *accumulate(len(token[0]) for token in spelled_tokens)]
    return [token for token, begin in zip(spelled_tokens, begins, strict=False) if begin < length]


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
