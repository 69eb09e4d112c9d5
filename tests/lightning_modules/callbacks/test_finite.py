from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lessons.errors import TrainingCollapsed
from lightning_modules.callbacks.finite import FiniteWatch


def run(tmp_path: Any, scaler: object | None = None) -> Any:
    precision = SimpleNamespace(scaler=scaler)
    return SimpleNamespace(precision_plugin=precision, default_root_dir=tmp_path, global_step=3)


def module(loss: float, norm: float, kind: torch.dtype = torch.float32) -> Any:
    return SimpleNamespace(update_loss=torch.tensor(loss, dtype=kind), gradient_norm=torch.tensor(norm, dtype=kind))


@pytest.mark.parametrize(("loss", "norm"), [(torch.nan, 1.0), (1.0, torch.inf), (-torch.inf, torch.inf)])
def test_one_update_that_is_not_finite_is_enough(tmp_path: Any, loss: float, norm: float) -> None:
    watch, trainer = FiniteWatch(), run(tmp_path)
    for found in (module(1.0, 1.0), module(loss, norm), module(1.0, 1.0)):
        watch.note(trainer, found)
    with pytest.raises(TrainingCollapsed, match=r"by update 3: .* Lower the learning rate, .* start anew in another"):
        watch.look(trainer)


def test_many_finite_ones_are_none_in_whatever_format(tmp_path: Any) -> None:
    watch, trainer = FiniteWatch(), run(tmp_path)
    watch.look(trainer)
    for _ in range(4):
        watch.note(trainer, module(-2.0, 60_000.0, torch.float16))
    watch.note(trainer, object())  # a module of somebody else's, which measures nothing
    watch.look(trainer)


def test_updates_that_a_scaler_leaves_out_are_no_collapse(tmp_path: Any) -> None:
    watch, trainer = FiniteWatch(), run(tmp_path, scaler=object())
    watch.note(trainer, module(1.0, torch.inf))
    watch.look(trainer)
