"""From sequences to records: batches by length through the teacher, and what it finds most probable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from students.logit_store.layout import Ints, Stamp, supervised_positions
from students.renderings import Example
from students.scoring import batches
from students.split_model import SplitModel
from students.token_nll import LOGITS_AT_ONCE

__all__ = ["most_probable", "records_of"]

Records = npt.NDArray[Any]


def records_of(
    split: SplitModel, examples: Sequence[Example], stamp: Stamp, tokens_per_batch: int, progress: Callable[[int], None]
) -> Records:
    """Return one record for every supervised position of some sequences, in their order, [positions].

    Args:
        split: The teacher.
        examples: The sequences.
        stamp: What is stored at a position.
        tokens_per_batch: Tokens of one batch, padding included.
        progress: Called with the number of sequences done so far.
    """
    positions = [supervised_positions(example.weights) for example in examples]
    starts = np.cumsum([0, *map(len, positions)])
    records = np.empty(starts[-1], stamp.record)
    order = sorted(range(len(examples)), key=lambda k: -len(examples[k].input_ids))
    for run in batches([len(examples[k].input_ids) for k in order], tokens_per_batch):
        chosen = [order[k] for k in run]
        found = said(split, [examples[k].input_ids for k in chosen], [positions[k] for k in chosen], stamp)
        records[np.concatenate([np.arange(starts[k], starts[k + 1]) for k in chosen])] = found
        progress(run.stop)
    return records


@torch.no_grad()
def said(split: SplitModel, sequences: Sequence[Sequence[int]], positions: Sequence[Ints], stamp: Stamp) -> Records:
    """Return the records of a batch of sequences at some positions of each, [positions]."""
    head = split.causal.get_output_embeddings()
    width = max(len(ids) for ids in sequences) - 1
    input_ids = torch.zeros(len(sequences), width, dtype=torch.int64)
    for row, ids in enumerate(sequences):
        input_ids[row, : len(ids) - 1] = torch.tensor(ids[:-1])
    flat = torch.from_numpy(np.concatenate([row * width + found for row, found in enumerate(positions)]))
    states = split.at(input_ids.to(head.weight.device), flat.to(head.weight.device))
    records = np.empty(len(flat), stamp.record)
    rows = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
    for start in range(0, len(states), rows):
        piece = states[start : start + rows]
        logits = nn.functional.linear(piece, head.weight, head.bias) if split.splits else piece
        made = most_probable(logits[:, : stamp.vocabulary_size], stamp.tokens_kept)
        for name, tensor in zip(("ids", "logs", "tail"), made, strict=True):
            records[name][start : start + rows] = tensor.cpu().numpy()
    return records


def most_probable(logits: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids and natural log-probabilities of the most probable tokens, and the probability of all others.

    Args:
        logits: [tokens, vocabulary].
        count: How many tokens, k.

    Returns:
        int64 [tokens, k] in falling probability, float32 [tokens, k], float32 [tokens].
    """
    logs = logits.float().log_softmax(-1)
    kept, ids = logs.topk(count)
    others = logs.scatter_(-1, ids, -torch.inf)
    return ids, kept, others.exp_().sum(-1)  # not 1 - the sum of the kept: rounding would be all that is left of it
