from __future__ import annotations

import torch

from lightning_modules.losses import part_sums, weighted_loss


def test_sums_are_taken_by_part_with_weights_and_counts() -> None:
    nll = torch.tensor([1.0, 2.0, 3.0, 4.0])
    sums = part_sums(nll, torch.tensor([1.0, 0.5, 2.0, 0.0]), torch.tensor([0, 0, 2, 2]), 3)
    assert sums.nll.tolist() == [2.0, 0.0, 6.0]
    assert sums.weight.tolist() == [1.5, 0.0, 2.0]
    assert sums.tokens.tolist() == [2, 0, 1]


def test_each_part_is_averaged_over_its_own_tokens_and_an_absent_part_adds_nothing() -> None:
    loss = weighted_loss(torch.tensor([6.0, 0.0, 10.0]), torch.tensor([3.0, 0.0, 4.0]), torch.tensor([0.5, 9.0, 2.0]))
    assert loss.item() == 0.5 * 2 + 2 * 2.5
