"""Whether sampled answers fit the bound on a micro-batch's tokens, however long they turn out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lessons.errors import ConfigError
from lightning_modules.data.micro_batches import MicroBatches
from lightning_modules.data.token_budget import cut_within
from lightning_modules.sampling.asking import prompt_lengths
from lightning_modules.sampling.batches import sizes_of
from lightning_modules.sampling.sampling import Sampling

__all__ = ["refuse_over_budget"]

Ints = npt.NDArray[np.int64]


def refuse_over_budget(data: MicroBatches, sampling: Sampling, context: int | None) -> None:
    """Refuse a plan whose answers could need more micro-batches than there are, on whatever rank.

    How long answers will be nobody knows, so each counts with its prompt and the most tokens that may be written. What
    fits so fits by true lengths as well: the micro-batches counted here could hold the same answers, none of them
    longer, and no cut has a smaller largest one than that of answers in the order of their length. Of a plan that hears
    the student only the first update is known.

    Args:
        data: The micro-batches, whose sampler has the bound.
        sampling: How many answers are written, and how long.
        context: Most tokens of a sequence that the student can read; None for no limit.

    Raises:
        ConfigError: It could need more.
    """
    sampler, budget = data.sampler, data.sampler.tokens_per_micro_batch
    if budget is None:
        return
    longest = prompt_lengths(data.lessons) + sampling.max_new_tokens
    longest = longest if context is None else np.minimum(longest, context)
    if longest.max() > budget:
        raise ConfigError(
            f"data.tokens_per_micro_batch is {budget}, but a single answer with its prompt may have {longest.max()} "
            f"tokens (up to {sampling.max_new_tokens} of them written). A micro-batch must hold the longest. Raise "
            "data.tokens_per_micro_batch, or lower sampling.max_new_tokens or data.max_tokens."
        )
    needed, where = max(
        (len(cut_within(sizes_of(lengths.tolist()), budget)) + 1, -update)
        for update in range(1 if sampler.timetable.hears else sampler.updates)
        for lengths in answer_lengths(data, update, longest, sampling.samples)
    )
    if needed > sampler.micro_batches:
        raise ConfigError(
            f"data.tokens_per_micro_batch is {budget}, and an update is cut into {sampler.micro_batches} micro-batches "
            f"on each of {sampler.world_size} processes. With {sampling.samples} answers of up to "
            f"{sampling.max_new_tokens} tokens to every prompt, update {-where} may need {needed}. Set trainer."
            f"accumulate_grad_batches to {needed}, raise data.tokens_per_micro_batch, or lower "
            "sampling.max_new_tokens, sampling.samples or data.lessons_per_update."
        )


def answer_lengths(data: MicroBatches, update: int, longest: Ints, samples: int) -> list[Ints]:
    """Return the lengths that an update's answers may reach, prompts included, the shortest first, for each rank."""
    lessons, ranks = data.sampler.step(update).lessons, data.sampler.world_size
    shares = [data.lessons.sequence_numbers(lessons[rank::ranks]) for rank in range(ranks)]
    return [np.sort(np.repeat(longest[numbers], samples)) for numbers in shares]
