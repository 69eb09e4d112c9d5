"""From sequences to a padded batch: the only place that shifts, so that position t - 1 predicts token t."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lightning_modules.data.rendered import Sequence32

__all__ = ["Batch", "Weighted", "collate"]


@dataclass(frozen=True, slots=True)
class Weighted:
    """A training sequence with the weight its lesson has in the curriculum."""

    sequence: Sequence32
    """The tokens and their weights."""
    factor: float = 1.0
    """Multiplies every token's weight."""


class Batch:
    """One micro-batch.

    Not a dataclass: Lightning's half-precision plugins look into dataclasses and would round weights and totals to
    bfloat16. It has the two methods that Lightning and the data loader ask for, `to` and `pin_memory`.

    Args:
        input_ids: Token ids, right-padded, int64 [rows, time]; a row's last token is left out, it predicts nothing.
            Under causal attention right padding needs no mask: no real token attends to a later one.
        positions: Where a supervised token is predicted, as index into the flattened [rows * time], int64 [supervised].
        targets: The id to be predicted there, int64 [supervised].
        weights: Its weight, lesson factor included, float32 [supervised].
        parts: The part of the loss it counts in, int64 [supervised].
        sequences: The number of its sequence inside the micro-batch, counted from 0, int64 [supervised].
        totals: Total target weight of each part in the whole optimiser step, over all micro-batches and ranks,
            float64 on the CPU [parts].
        plan: What the batch is.
        extras: What the module's companion adds, by name; see `lightning_modules.data.companion`.
    """

    __slots__ = ("extras", "input_ids", "parts", "plan", "positions", "sequences", "targets", "totals", "weights")

    def __init__(
        self,
        input_ids: Tensor,
        positions: Tensor,
        targets: Tensor,
        weights: Tensor,
        parts: Tensor,
        sequences: Tensor,
        totals: Tensor,
        plan: Plan | None = None,
        extras: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.input_ids = input_ids
        self.positions = positions
        self.targets = targets
        self.weights = weights
        self.parts = parts
        self.sequences = sequences
        self.totals = totals
        self.plan = plan or Plan()
        self.extras = dict(extras or {})

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """Return the batch on a device; the totals stay on the CPU in float64, which not every device has."""
        return self.mapped(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """Return the batch in page-locked memory."""
        return self.mapped(Tensor.pin_memory)

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with every tensor but the totals changed."""
        changed = {name: change(getattr(self, name)) for name in TENSORS}
        extras = {name: change(tensor) for name, tensor in self.extras.items()}
        return Batch(**changed, totals=self.totals, plan=self.plan, extras=extras)


TENSORS = ("input_ids", "positions", "targets", "weights", "parts", "sequences")


@dataclass(frozen=True, slots=True)
class Plan:
    """Which batch this is, and what its whole optimiser step amounts to over all ranks."""

    update: int = 0
    """0-based index of the optimiser step."""
    closes_update: bool = True
    """Whether it is this rank's last micro-batch of the step."""
    lesson_ids: tuple[str, ...] = ()
    """The lessons of this micro-batch; empty for one that only keeps the ranks in step."""
    lesson_views: tuple[int, ...] = ()
    """In which view each of them is shown; empty where the rendering has one."""
    sequence_lessons: tuple[int, ...] = ()
    """Number of the rendered lesson that each sequence of the micro-batch belongs to, [sequences]."""
    sequence_numbers: tuple[int, ...] = ()
    """Number of each sequence in `RenderedLessons`, an index into its `starts`, [sequences]."""
    update_lessons: int = 0
    """Lessons of the step."""
    update_sequences: int = 0
    """Training sequences of the step."""
    update_lesson_weight: float = 0.0
    """Total weight of the step's lessons."""
    update_sequence_weights: tuple[float, ...] = ()
    """Total weight of the step's sequences in each part, where a sequence has the weight of its lesson, [parts]."""
    update_tokens: int = 0
    """Tokens of the step's sequences, padding not counted."""
    update_supervised_tokens: int = 0
    """Tokens of the step that carry weight."""


def collate(
    sequences: Sequence[Weighted],
    totals: np.ndarray[tuple[int], np.dtype[np.float64]],
    plan: Plan | None = None,
    extras: Mapping[str, Tensor] | None = None,
) -> Batch:
    """Pad sequences into a batch and shift: the token at t is the target of position t - 1.

    Without sequences the batch is one token of weight 0: every rank runs the same forward and backward passes, and all
    parameters stay in the graph.
    """
    if not sequences:
        nothing, none = torch.zeros(1, dtype=torch.int64), torch.zeros(1)
        whole = torch.from_numpy(totals.copy())
        return Batch(nothing.view(1, 1), nothing, nothing, none, nothing, nothing, whole, plan, extras)
    width = max(len(weighted.sequence.tokens) for weighted in sequences) - 1
    input_ids = np.zeros((len(sequences), width), np.int64)
    positions, targets, weights, parts = [], [], [], []
    for row, (weighted, (tokens, token_weights, part)) in enumerate((w, w.sequence) for w in sequences):
        input_ids[row, : len(tokens) - 1] = tokens[:-1]
        supervised = np.flatnonzero(token_weights[1:])  # t - 1 for every supervised t
        positions.append(row * width + supervised)
        targets.append(tokens[1:][supervised].astype(np.int64))
        weights.append((token_weights[1:][supervised] * np.float64(weighted.factor)).astype(np.float32))
        parts.append(np.full(len(supervised), part, np.int64))
    return Batch(
        input_ids=torch.from_numpy(input_ids),
        positions=torch.from_numpy(np.concatenate(positions)),
        targets=torch.from_numpy(np.concatenate(targets)),
        weights=torch.from_numpy(np.concatenate(weights)),
        parts=torch.from_numpy(np.concatenate(parts)),
        sequences=torch.from_numpy(np.repeat(np.arange(len(sequences)), [len(found) for found in positions])),
        totals=torch.from_numpy(totals.copy()),
        plan=plan,
        extras=extras,
    )
