"""Hidden states and output layer of a causal model, apart: so that only supervised positions are projected."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.collate import Batch
from lightning_modules.losses import token_nll
from lightning_modules.losses.token_losses import nll_of_logits

__all__ = ["SplitModel"]

log = logging.getLogger(__name__)

PROBE_TOKENS = 4


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

    def nll(self, batch: Batch) -> Tensor:
        """Return -log p of every supervised token of a batch, in nats, [supervised]."""
        if not self.splits:
            logits: Tensor = self.model(input_ids=batch.input_ids, use_cache=False).logits
            return nll_of_logits(logits.flatten(0, 1)[batch.positions], batch.targets)
        states = self.hidden(batch.input_ids).flatten(0, 1)  # [rows * time, features]
        head = self.causal.get_output_embeddings()
        return token_nll(states[batch.positions], head.weight, batch.targets, head.bias)
