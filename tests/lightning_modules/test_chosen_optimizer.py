from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision, Precision

from lessons.errors import ConfigError
from lightning_modules.chosen_optimizer import chosen

WEIGHTS = [torch.nn.Parameter(torch.ones(2))]


def run(precision: Precision, clip: float | None = 1.0) -> Any:
    return SimpleNamespace(precision_plugin=precision, gradient_clip_val=clip)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"lr": -1.0}, r"refuses its settings: Invalid learning rate: -1\.0"), ({"momentum": 1}, "momentum")],
)
def test_settings_that_it_refuses_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message + r".* Correct model\.optimizer"):
        chosen(partial(torch.optim.AdamW, **settings), WEIGHTS, run(Precision()))


def test_a_fused_one_is_refused_where_lightning_could_not_clip() -> None:
    fused, mixed = partial(torch.optim.AdamW, fused=True), MixedPrecision("bf16-mixed", "cpu")
    with pytest.raises(
        ConfigError, match=r"AdamW is fused, .* under trainer\.precision bf16-mixed\. .* Leave out `fused`"
    ):
        chosen(fused, WEIGHTS, run(mixed))
    assert chosen(fused, WEIGHTS, run(mixed, clip=None)).param_groups[0]["fused"] is True
    assert chosen(fused, WEIGHTS, run(Precision())).param_groups[0]["fused"] is True
    assert chosen(torch.optim.AdamW, WEIGHTS, run(mixed)).param_groups[0]["fused"] is None
