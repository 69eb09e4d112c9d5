from __future__ import annotations

import torch

from lightning_modules.preferences import Texts


def test_what_is_derived_of_sums_and_counts(texts: Texts) -> None:
    assert texts.mean.tolist() == [-2.0, -1.5, -1.5, -1.5, -1.5, -2.5]
    assert texts.log_ratio.tolist() == [2.0, -2.0, -0.5, 3.0, -1.0, 4.0]
    assert texts.mean_log_ratio[:2].tolist() == [2.0 / 6, -2.0 / 20]
    chosen = texts.where(texts.chosen)
    assert (len(chosen), chosen.lesson.tolist(), chosen.weight.tolist()) == (3, [0, 0, 1], [2.0, 2.0, 0.5])
    assert torch.equal(chosen.reference_point, texts.reference_point)
