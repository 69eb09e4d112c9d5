"""Micro-batches of answers: cut by their lengths, with totals counted over the whole update before any is trained."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from lightning_modules.data.collate import Batch, Plan, Weighted, collate
from lightning_modules.data.micro_batches import MicroBatches
from lightning_modules.data.rendered import Sequence32
from lightning_modules.data.sampler import Piece
from lightning_modules.data.token_budget import Sizes, cut_evenly
from lightning_modules.sampling.answers import Answer
from students.ranks import Ranks

__all__ = ["SampledBatch", "SampledFigures", "batches_of", "sizes_of"]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]


class SampledBatch(NamedTuple):
    """A micro-batch of answers."""

    batch: Batch
    """What is trained."""
    answers: list[Answer]
    """The same answers, in the batch's order."""


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
    data: MicroBatches, answers: Sequence[Answer], update: int, extras: Sequence[str] = ()
) -> tuple[list[SampledBatch], SampledFigures]:
    """Return this process's micro-batches of an update, and what was sampled for it over all processes.

    Answers are sorted by length, prompts included, and cut so that the largest micro-batch has as few tokens as it can.

    Args:
        data: The micro-batches of the plan, whose places these take: as many of them.
        answers: The answers of this process; those of weight 0 are left out.
        update: The update.
        extras: Names of the numbers that every answer has in its `extras`.
    """
    sums = over_processes(sums_of(answers, len(data.lessons.part_names), update))
    _, tokens, supervised, count, written, truncated, anew = sums.counts.tolist()
    figures = SampledFigures(
        int(count), written / max(1, count), truncated_share=truncated / max(1, count), anew_share=anew / max(1, count)
    )
    made = []
    for planned, kept in zip(data.sampler.pieces(update), pieces_of(data, answers, update), strict=True):
        plan = replace(
            data.plan(piece_of(planned, kept), np.array([answer.asked.sequence for answer in kept], np.int64)),
            sequence_lessons=tuple(answer.asked.lesson for answer in kept),
            update_sequences=int(sums.counts[0]),
            update_sequence_weights=tuple(sums.sequence_weights.tolist()),
            update_tokens=int(tokens),
            update_supervised_tokens=int(supervised),
        )
        made.append(SampledBatch(batch_of(kept, sums.totals, plan, extras), kept))
    return made, figures


def pieces_of(data: MicroBatches, answers: Sequence[Answer], update: int) -> list[list[Answer]]:
    """Return the answers of each micro-batch, the shortest first, those of weight 0 left out."""
    kept = sorted((answer for answer in answers if answer.weight), key=length_of)
    cut = cut_evenly(sizes_of(map(length_of, kept)), data.sampler.micro_batches)
    budget = data.sampler.tokens_per_micro_batch
    if budget is not None and cut.tokens > budget:
        log.warning(
            "Update %d has a micro-batch of %d tokens of prompts and answers, more than data.tokens_per_micro_batch "
            "(%d): the plan was not known, or a server wrote more than it was asked for. If memory runs out, raise "
            "trainer.accumulate_grad_batches",
            update, cut.tokens, budget,
        )  # fmt: skip
    borders = [0, *cut.borders, len(kept)]
    return [kept[start:end] for start, end in pairwise(borders)]


def piece_of(planned: Piece, answers: Sequence[Answer]) -> Piece:
    """Return a piece of the plan with the lessons of some answers in the place of its own."""
    factors = {(answer.asked.lesson, answer.asked.group): answer.asked.factor for answer in answers}
    lessons = np.array([lesson for lesson, _ in factors], np.int64)
    return planned._replace(lessons=lessons, factors=np.array(list(factors.values()), np.float64))


def length_of(answer: Answer) -> int:
    """Return the tokens of prompt and answer."""
    return len(answer.asked.prompt) + len(answer.tokens)


def sizes_of(lengths: Iterable[int]) -> Sizes:
    """Return how large sequences of these lengths, the shortest first, are in a padded batch."""
    lengths = list(lengths)
    return Sizes.of(lengths, [1] * len(lengths))


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


def sums_of(answers: Sequence[Answer], parts: int, update: int) -> Sums:
    """Add up what this process has."""
    sums = Sums(np.zeros(parts), np.zeros(parts), np.zeros(7))
    for answer in answers:
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
