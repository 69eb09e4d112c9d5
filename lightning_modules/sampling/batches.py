"""Micro-batches of answers: with totals that are counted over the whole update before any of them is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from lightning_modules.data.collate import Batch, Plan, Weighted, collate
from lightning_modules.data.micro_batches import MicroBatches
from lightning_modules.data.rendered import Sequence32
from lightning_modules.sampling.answers import Answer
from students.ranks import Ranks

__all__ = ["SampledFigures", "batches_of"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SampledFigures:
    """What was sampled for an update, over all processes."""

    answers: int
    """Answers, those left out included."""
    mean_tokens: float
    """Tokens of an answer."""
    truncated_share: float
    """Share of them that ran into their limit."""
    anew_share: float
    """Share of them that was written for this update, not replayed."""


class Sums(NamedTuple):
    """What the answers of an update add up to."""

    totals: Floats
    """Weight of the tokens in each part of the loss, [parts]."""
    sequence_weights: Floats
    """Weight of the answers that are trained, in each part, [parts]."""
    counts: Floats
    """Sequences, tokens and supervised tokens that are trained; then answers, their tokens, those truncated, and those
    written for this update, [7]."""


def batches_of(
    data: MicroBatches, answers: Sequence[Sequence[Answer]], update: int, extras: Sequence[str] = ()
) -> tuple[list[Batch], SampledFigures]:
    """Return this process's micro-batches of an update, and what was sampled for it over all processes.

    Args:
        data: The micro-batches of the plan, whose places these take.
        answers: The answers of each micro-batch; those of weight 0 are left out.
        update: The update.
        extras: Names of the numbers that every answer has in its `extras`.
    """
    sums = over_processes(sums_of(answers, len(data.lessons.part_names), update))
    _, tokens, supervised, count, written, truncated, anew = sums.counts.tolist()
    figures = SampledFigures(
        int(count), written / max(1, count), truncated_share=truncated / max(1, count), anew_share=anew / max(1, count)
    )
    made = []
    for piece, found in zip(data.sampler.pieces(update), answers, strict=True):
        kept = [answer for answer in found if answer.weight]
        numbers = np.array([answer.asked.sequence for answer in kept], np.int64)
        plan = replace(
            data.plan(piece, numbers),
            sequence_lessons=tuple(answer.asked.lesson for answer in kept),
            update_sequences=int(sums.counts[0]),
            update_sequence_weights=tuple(sums.sequence_weights.tolist()),
            update_tokens=int(tokens),
            update_supervised_tokens=int(supervised),
        )
        made.append(batch_of(kept, sums.totals, plan, extras))
    return made, figures


def batch_of(answers: Sequence[Answer], totals: Floats, plan: Plan, extras: Sequence[str]) -> Batch:
    """Return one micro-batch: prompts that are read, answers of which every token is learnt."""
    sequences = [Weighted(sequence_of(answer), answer.asked.factor * answer.weight) for answer in answers]
    # Without answers the batch is one token of weight 0, which belongs to a sequence too.
    columns = {name: [answer.extras[name] for answer in answers] or [0.0] for name in extras}
    return collate(sequences, totals, plan, {name: torch.tensor(values) for name, values in columns.items()})


def sequence_of(answer: Answer) -> Sequence32:
    """Return prompt and answer as a training sequence."""
    prompt = answer.asked.prompt
    weights = np.concatenate([np.zeros(len(prompt), np.float32), np.ones(len(answer.tokens), np.float32)])
    return Sequence32(np.concatenate([prompt, answer.tokens]), weights, answer.asked.part)


def sums_of(answers: Sequence[Sequence[Answer]], parts: int, update: int) -> Sums:
    """Add up what this process has."""
    sums = Sums(np.zeros(parts), np.zeros(parts), np.zeros(7))
    for answer in (answer for found in answers for answer in found):
        written = len(answer.tokens)
        sums.counts[3:] += (1, written, answer.truncated, answer.update == update)
        if not answer.weight:
            continue
        weight = answer.asked.factor * answer.weight
        sums.totals[answer.asked.part] += weight * written
        sums.sequence_weights[answer.asked.part] += weight
        sums.counts[:3] += (1, len(answer.asked.prompt) + written, written)
    return sums


def over_processes(sums: Sums) -> Sums:
    """Add the sums of all processes up."""
    ranks = Ranks.here()
    if ranks.world_size == 1:
        return sums
    whole = torch.from_numpy(np.concatenate(sums))
    ranks.add_up(whole)
    parts = len(sums.totals)
    return Sums(*(part.numpy() for part in torch.split(whole, [parts, parts, len(sums.counts)])))
