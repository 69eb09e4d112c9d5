"""Hidden states and output layer of a causal model, apart: so that only supervised positions are projected."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from students.token_nll import LOGITS_AT_ONCE, nll_of_logits, token_nll

__all__ = ["SplitModel", "Statistic"]

log = logging.getLogger(__name__)

PROBE_TOKENS = 4

Statistic = Callable[[Tensor, Tensor], Tensor]
"""From logits [tokens, vocabulary] and the ids to be predicted [tokens] to one number per token, [tokens]."""


class SplitModel:
    """A causal language model, as decoder and output layer where the two together are the model.

    Some architectures do more than project (they cap or scale logits). That is not looked up in a list: `check`
    compares the split's logits with the model's own on a few tokens, and where they differ the model's own are used.

    Args:
        model: A transformers causal language model, or a peft model around one.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        get_base_model = getattr(model, "get_base_model", None)
        self.causal: Any = get_base_model() if get_base_model else model
        self.splits = False

    @torch.no_grad()
    def check(self) -> SplitModel:
        """Find out whether the model is its decoder followed by its output layer, and return itself."""
        head = self.causal.get_output_embeddings()
        if type(head) is nn.Linear:  # an adapted output layer is no plain matrix
            device = head.weight.device
            probe = torch.arange(PROBE_TOKENS, device=device)[None] % head.weight.shape[0]
            training = {module: module.training for module in self.causal.modules()}
            self.causal.eval()  # dropout would make the two differ, and would draw random numbers
            whole = self.causal(input_ids=probe, use_cache=False).logits
            split = nn.functional.linear(self.hidden(probe), head.weight, head.bias)
            for module, was_training in training.items():
                module.training = was_training
            self.splits = whole.shape == split.shape and torch.allclose(whole, split.to(whole.dtype), 1e-3, 1e-4)
        if not self.splits:
            log.info("%s does more than project: losses use its whole logits", type(self.causal).__name__)
        return self

    def hidden(self, input_ids: Tensor) -> Tensor:
        """Return the final hidden states, [rows, time, features]."""
        states: Tensor = self.causal.get_decoder()(input_ids=input_ids, use_cache=False).last_hidden_state
        return states

    def nll(self, input_ids: Tensor, positions: Tensor, targets: Tensor) -> Tensor:
        """Return -log p of every target, in nats, [targets].

        Args:
            input_ids: Right-padded, [rows, time].
            positions: Where each target is predicted, as index into the flattened [rows * time], [targets].
            targets: Ids to be predicted, [targets].
        """
        if not self.splits:
            logits: Tensor = self.model(input_ids=input_ids, use_cache=False).logits
            return nll_of_logits(logits.flatten(0, 1)[positions], targets)
        states = self.hidden(input_ids).flatten(0, 1)  # [rows * time, features]
        head = self.causal.get_output_embeddings()
        return token_nll(states[positions], head.weight, targets, head.bias)

    @torch.no_grad()
    def statistics(
        self, input_ids: Tensor, positions: Tensor, targets: Tensor, wanted: Sequence[Statistic]
    ) -> list[Tensor]:
        """Return statistics of the distributions at some positions, each [targets], without gradients.

        The logits of at most `LOGITS_AT_ONCE` entries are alive at a time, unless the model must be used whole. The
        arguments are those of `nll`.
        """
        if not self.splits:
            logits: Tensor = self.model(input_ids=input_ids, use_cache=False).logits
            return [statistic(logits.flatten(0, 1)[positions], targets) for statistic in wanted]
        states = self.hidden(input_ids).flatten(0, 1)[positions]  # [targets, features]
        head = self.causal.get_output_embeddings()
        rows = max(1, LOGITS_AT_ONCE // head.weight.shape[0])
        pieces = []
        for piece, ids in zip(torch.split(states, rows), torch.split(targets, rows), strict=True):
            logits = nn.functional.linear(piece, head.weight, head.bias)
            pieces.append([statistic(logits, ids) for statistic in wanted])
        return [torch.cat(columns) for columns in zip(*pieces, strict=True)]
