"""Hidden states and output layer of a causal model, apart: so that only supervised positions are projected."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from students.packing import ATTENTION, attention_limit, pack, register_attention
from students.token_nll import LOGITS_AT_ONCE, nll_of_logits, token_nll

__all__ = ["SplitModel", "Statistic"]

log = logging.getLogger(__name__)

PROBE_TOKENS = 4
PROBE_LENGTHS = (3, 7, 1, 4)
PACKING_ERROR = 0.05
"""Difference between packed and padded states that counts as rounding, as a share of what losing the borders does."""

Statistic = Callable[[Tensor, Tensor], Tensor]
"""From logits [tokens, vocabulary] and the ids to be predicted [tokens] to one number per token, [tokens]."""


class SplitModel:
    """A causal language model, as decoder and output layer where the two together are the model.

    Some architectures do more than project (they cap or scale logits). That is not looked up in a list: `check`
    compares the split's logits with the model's own on a few tokens, and where they differ the model's own are used.
    In the same way it finds out whether the model gives the same for sequences packed into one row (see
    `students.packing`); if not, they stay padded.

    Args:
        model: A transformers causal language model, or a peft model around one.
        packing: Whether to pack batches that have much padding, if the model allows it.
    """

    def __init__(self, model: nn.Module, packing: bool = True) -> None:
        self.model = model
        get_base_model = getattr(model, "get_base_model", None)
        self.causal: Any = get_base_model() if get_base_model else model
        self.packing = packing
        self.splits = False
        self.packs = False

    @torch.no_grad()
    def check(self) -> SplitModel:
        """Find out whether the model is its decoder followed by its output layer, and whether it packs."""
        with in_evaluation(self.causal):  # dropout would make results differ, and would draw random numbers
            self.splits = self.projects_only()
            self.packs = self.packing and self.packs_exactly()
        if not self.splits:
            log.info("%s does more than project: losses use its whole logits", type(self.causal).__name__)
        if self.packing and not self.packs:
            log.info("%s cannot be packed: sequences of different lengths are padded", type(self.causal).__name__)
        return self

    def projects_only(self) -> bool:
        """Return whether the logits are a product of the decoder's states with the output layer."""
        head = self.causal.get_output_embeddings()
        if type(head) is not nn.Linear:  # an adapted output layer is no plain matrix
            return False
        probe = torch.arange(PROBE_TOKENS, device=head.weight.device)[None] % head.weight.shape[0]
        whole = self.causal(input_ids=probe, use_cache=False).logits
        states = self.causal.get_decoder()(input_ids=probe, use_cache=False).last_hidden_state
        split = nn.functional.linear(states, head.weight, head.bias)
        return whole.shape == split.shape and torch.allclose(whole, split.to(whole.dtype), 1e-3, 1e-4)

    def packs_exactly(self) -> bool:
        """Return whether packed sequences give what padded ones give, and leave the model ready for it if so.

        Rounding differs, in half precision visibly; so the yardstick is what a row without borders would do.
        """
        before = self.causal.config._attn_implementation
        if before not in ("sdpa", ATTENTION) or not self.causal._can_set_attn_implementation():
            return False
        register_attention()
        self.causal.set_attn_implementation(ATTENTION)
        embedding = self.causal.get_input_embeddings().weight
        ids, positions = uneven_batch(embedding.shape[0], embedding.device)
        try:
            padded = self.outputs(input_ids=ids).flatten(0, 1)[positions].double()
            packed = self.packed_outputs(ids, positions).double()
            borderless = self.outputs(input_ids=ids.flatten()[positions][None])[0].double()
        except (TypeError, ValueError, RuntimeError, IndexError):  # it takes no position ids, or reads the mask itself
            exact = False
        else:
            exact = bool((packed - padded).norm() <= PACKING_ERROR * (borderless - padded).norm())
        if not exact:
            self.causal.set_attn_implementation(before)
        return exact

    def outputs(self, **inputs: Any) -> Tensor:
        """Return the decoder's final states, or the logits of a model that must be used whole, [rows, time, ...]."""
        if not self.splits:
            logits: Tensor = self.model(use_cache=False, **inputs).logits
            return logits
        states: Tensor = self.causal.get_decoder()(use_cache=False, **inputs).last_hidden_state
        return states

    def packed_outputs(self, input_ids: Tensor, positions: Tensor) -> Tensor:
        """Return what `outputs` gives at some positions, [positions, ...]; padding is left out where that pays."""
        packed = pack(input_ids, positions)
        if packed is None:
            return self.outputs(input_ids=input_ids).flatten(0, 1)[positions]
        unmasked = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=input_ids.device)  # 4D: transformers makes no mask
        return self.outputs(
            input_ids=packed.input_ids,
            position_ids=packed.position_ids,
            attention_mask=unmasked,
            rows_of_sequences=packed.rows,
        )[0][packed.places]

    def at(self, input_ids: Tensor, positions: Tensor) -> Tensor:
        """Return the final hidden states at some positions; of a model that must be used whole, its logits there.

        Args:
            input_ids: Right-padded, [rows, time].
            positions: Indices into the flattened [rows * time], [positions].

        Returns:
            [positions, features], or [positions, vocabulary] where `splits` is False.
        """
        limit = attention_limit(self.causal.config)
        if self.packs and (limit is None or input_ids.shape[1] <= limit):
            return self.packed_outputs(input_ids, positions)
        return self.outputs(input_ids=input_ids).flatten(0, 1)[positions]

    def nll(self, input_ids: Tensor, positions: Tensor, targets: Tensor) -> Tensor:
        """Return -log p of every target, in nats, [targets].

        Args:
            input_ids: Right-padded, [rows, time].
            positions: Where each target is predicted, as index into the flattened [rows * time], [targets].
            targets: Ids to be predicted, [targets].
        """
        found = self.at(input_ids, positions)
        if not self.splits:
            return nll_of_logits(found, targets)
        head = self.causal.get_output_embeddings()
        return token_nll(found, head.weight, targets, head.bias)

    @torch.no_grad()
    def statistics(
        self, input_ids: Tensor, positions: Tensor, targets: Tensor, wanted: Sequence[Statistic]
    ) -> list[Tensor]:
        """Return statistics of the distributions at some positions, each [targets], without gradients.

        The logits of at most `LOGITS_AT_ONCE` entries are alive at a time, unless the model must be used whole. The
        arguments are those of `nll`.
        """
        states = self.at(input_ids, positions)
        if not self.splits:
            return [statistic(states, targets) for statistic in wanted]
        head = self.causal.get_output_embeddings()
        rows = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
        pieces = []
        for piece, ids in zip(torch.split(states, rows), torch.split(targets, rows), strict=True):
            logits = nn.functional.linear(piece, head.weight, head.bias)
            pieces.append([statistic(logits, ids) for statistic in wanted])
        return [torch.cat(columns) for columns in zip(*pieces, strict=True)]


@contextmanager
def in_evaluation(model: nn.Module) -> Iterator[None]:
    """Switch dropout off, and every module back afterwards to how it was."""
    before = {module: module.training for module in model.modules()}
    model.train(False)
    yield
    for module, training in before.items():
        module.training = training


def uneven_batch(vocabulary: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return a right-padded batch of different ids, and the flat index of every real token."""
    width = max(PROBE_LENGTHS)
    ids = torch.arange(len(PROBE_LENGTHS) * width, device=device).view(-1, width)
    real = torch.arange(width, device=device) < torch.tensor(PROBE_LENGTHS, device=device)[:, None]
    return ids % vocabulary * real, real.flatten().nonzero()[:, 0]
