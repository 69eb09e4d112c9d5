"""How likely a student finds texts: one batched pass over (conversation, text) pairs, sorted by length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from lessons.errors import ConfigError
from lessons.records import Message
from students.encoder import Encoded
from students.ranks import Ranks

if TYPE_CHECKING:
    from students.heavy_types import torch
    from students.split_model import SplitModel
    from students.student import Student

__all__ = ["Likelihoods", "Pair", "Scoring", "score"]

Progress = Callable[[int], None]
PAIRS_AT_ONCE = 4096


class Pair(NamedTuple):
    """A text to score, and what it answers."""

    messages: Sequence[Message]
    """The conversation that the text answers; also of a text scored by itself, whose form as an answer decides its
    tokens."""
    text: str
    """The text."""
    alone: bool = False
    """Whether to score it without the conversation."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """How texts are scored.

    Args:
        tokens_per_batch: Tokens of one batch, padding included. Lower it when memory runs out.
        max_tokens: Longer sequences are left without a score; None for the model's own limit.
    """

    tokens_per_batch: int = 8192
    max_tokens: int | None = None

    def check(self) -> None:
        """Refuse values outside their ranges."""
        for name, value in (("tokens_per_batch", self.tokens_per_batch), ("max_tokens", self.max_tokens)):
            if value is not None and value < 1:
                raise ConfigError(f"Scoring got {name} = {value}; allowed are whole numbers from 1. Correct it.")


@dataclass(frozen=True)
class Likelihoods:
    """What a student thinks of each text. NaN and 0 where a text was too long."""

    nll: npt.NDArray[np.float64]
    """-log p(text | conversation), summed over the text's tokens, in nats, [pairs]."""
    error: npt.NDArray[np.float64]
    """||softmax - one-hot||_2, summed over the text's tokens, [pairs]; divided by `tokens` it is EL2N."""
    miss: npt.NDArray[np.float64]
    """(1 - p(token))^2, summed over the text's tokens, [pairs]."""
    tokens: npt.NDArray[np.int64]
    """Scored tokens of each text, end-of-turn included, [pairs]."""

    @property
    def mean_nll(self) -> npt.NDArray[np.float64]:
        """Nats per token, [pairs]; NaN where nothing was scored."""
        return self.nll / np.where(self.tokens > 0, self.tokens, np.nan)

    @property
    def distance(self) -> npt.NDArray[np.float64]:
        """||p - 1||_2 / sqrt(tokens) over the tokens' probabilities p, in [0, 1], [pairs]: 0 where all are certain."""
        return np.sqrt(self.miss / np.where(self.tokens > 0, self.tokens, np.nan))

    @property
    def mean_error(self) -> npt.NDArray[np.float64]:
        """Error norm per token, [pairs]; NaN where nothing was scored."""
        return self.error / np.where(self.tokens > 0, self.tokens, np.nan)


def score(
    student: Student, pairs: Iterable[Pair], scoring: Scoring | None = None, progress: Progress | None = None
) -> Likelihoods:
    """Score texts as a student's answers, or by themselves.

    A conversation is read through the chat template, exactly as at inference, and the text is closed by the end-of-turn
    token. A text by itself follows nothing but the beginning-of-sequence token (the end-of-turn token where a
    tokenizer has none); the very same tokens are scored with and without the conversation.

    Pairs are read as a stream and worked through in blocks, sorted by length inside a block. Under a launcher
    (torchrun, SLURM) every process scores its share and all get the whole result.

    Args:
        student: Who scores. One that is not in memory yet is loaded onto the machine's accelerator.
        pairs: Conversations and texts.
        scoring: Sizes.
        progress: Called with the number of pairs scored so far by this process.

    Raises:
        RenderingError: A pair cannot be rendered through the chat template.
    """
    from students.encoder_decoder import split_of

    scoring = scoring or Scoring()
    scoring.check()
    if not student.built:
        student.place()
    ranks = Ranks.here()
    was_training = student.model.training
    student.model.train(False)
    blocks: list[npt.NDArray[np.float64]] = [np.zeros((0, 4))]
    try:
        split = split_of(student.model, student.packing)
        waiting, done = iter(pairs), 0
        while block := list(islice(waiting, PAIRS_AT_ONCE)):
            blocks.append(score_block(student, split, block, scoring, ranks))
            done += len(block)
            if progress:
                progress(done)
    finally:
        student.model.train(was_training)
    table = np.concatenate(blocks)
    return Likelihoods(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.int64))


def score_block(
    student: Student, split: SplitModel, pairs: Sequence[Pair], scoring: Scoring, ranks: Ranks
) -> npt.NDArray[np.float64]:
    """Return (nll, error, miss, tokens) of each pair, float64 [pairs, 4]."""
    import torch

    encoded = encode(student, pairs)
    limit = min(scoring.max_tokens or 2**62, student.context_length or 2**62)
    table = np.full((len(pairs), 4), np.nan)
    table[:, 3] = 0
    order = sorted(range(len(pairs)), key=lambda k: -len(encoded[k][0]) - len(encoded[k][1]))
    fitting = [k for k in order if len(encoded[k][0]) + len(encoded[k][1]) <= limit]
    mine = fitting[ranks.rank :: ranks.world_size]
    for chosen in batches([len(encoded[k][0]) + len(encoded[k][1]) for k in mine], scoring.tokens_per_batch):
        rows = [mine[k] for k in chosen]
        found = score_batch(split, [encoded[k] for k in rows], student.device)
        table[rows] = found.cpu().numpy()
    if ranks.world_size > 1:
        gathered = torch.from_numpy(np.nan_to_num(table))
        ranks.add_up(gathered)  # each pair was scored by one process; the others hold zeros
        table[fitting] = gathered.numpy()[fitting]
    return table


def encode(student: Student, pairs: Sequence[Pair]) -> list[Encoded]:
    """Return context ids and ids to be scored of each pair."""
    tokenizer = student.tokenizer
    start = student.encoder.end_of_turn if tokenizer.bos_token_id is None else int(tokenizer.bos_token_id)
    encoded = student.encoder.encode([(pair.messages, pair.text) for pair in pairs])
    return [
        Encoded([start], ids.completion_ids) if pair.alone else ids for pair, ids in zip(pairs, encoded, strict=True)
    ]


def batches(lengths: Sequence[int], tokens: int) -> Iterator[range]:
    """Cut sequences of falling length into runs of at most so many tokens, padding included; at least one each.

    >>> [list(run) for run in batches([5, 4, 4, 1], 10)]
    [[0, 1], [2, 3]]
    """
    start = 0
    while start < len(lengths):
        end = start + max(1, tokens // lengths[start])
        yield range(start, min(end, len(lengths)))
        start = end


def score_batch(split: SplitModel, rows: Sequence[Encoded], device: torch.device) -> torch.Tensor:
    """Return (nll, error, miss, tokens) of each row, float64 [rows, 4]."""
    import torch

    from students.token_nll import nll_of_logits

    width = max(len(context) + len(text) for context, text in rows) - 1
    input_ids = torch.zeros(len(rows), width, dtype=torch.int64)
    positions, targets = [], []
    for number, (context, text) in enumerate(rows):
        ids = torch.tensor(context + text)
        input_ids[number, : len(ids) - 1] = ids[:-1]
        positions.append(number * width + torch.arange(len(context) - 1, len(ids) - 1))
        targets.append(ids[len(context) :])
    counts = torch.tensor([len(text) for _, text in rows])
    nll, error = split.statistics(
        input_ids.to(device),
        torch.cat(positions).to(device),
        torch.cat(targets).to(device),
        [nll_of_logits, error_norm],
    )
    row = torch.repeat_interleave(torch.arange(len(rows)), counts)
    miss = (-torch.expm1(-nll)).square()
    columns = (nll, error, miss)
    sums = [torch.zeros(len(rows), dtype=torch.float64).index_add(0, row, x.double().cpu()) for x in columns]
    return torch.stack([*sums, counts.double()], dim=1)


def error_norm(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return ||softmax(logits) - onehot(target)||_2 of every row, [tokens]: sqrt(sum p^2 - 2 p_target + 1)."""
    p = logits.float().softmax(-1)
    own = p.gather(1, targets[:, None])[:, 0]
    return (p.square().sum(-1) - 2 * own + 1).clamp_min(0).sqrt()
