from __future__ import annotations

from typing import Any

import pytest
import torch

from lightning_modules.preferences import Texts

SUMS = [-12.0, -30.0, -7.5, -6.0, -21.0, -40.0]
REFERENCE = [-14.0, -28.0, -7.0, -9.0, -20.0, -44.0]
TOKENS = [6.0, 20.0, 5.0, 4.0, 14.0, 16.0]
CHOSEN = [True, False, True, False, True, False]
LESSONS = [0, 0, 0, 0, 1, 1]
WEIGHTS = [2.0, 2.0, 2.0, 2.0, 0.5, 0.5]
SCORES = [1.0, 0.25, 0.75, 0.0, 1.0, 0.5]


@pytest.fixture
def texts() -> Texts:
    """Three pairs of two lessons, as a micro-batch gives them."""

    def row(values: list[Any]) -> torch.Tensor:
        kind = (
            torch.bool if isinstance(values[0], bool) else torch.int64 if isinstance(values[0], int) else torch.float64
        )
        return torch.tensor(values, dtype=kind)

    return Texts(
        log_probability=row(SUMS).requires_grad_(),
        tokens=row(TOKENS),
        chosen=row(CHOSEN),
        lesson=row(LESSONS),
        weight=row(WEIGHTS),
        score=row(SCORES),
        usual_tokens=row([8.0, 16.0] * 3),
        reference_log_probability=row(REFERENCE),
        reference_point=torch.tensor(0.5, dtype=torch.float64),
    )
