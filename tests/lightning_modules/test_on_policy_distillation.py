from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lightning_modules import ForwardKL
from lightning_modules.on_policy_distillation import OnPolicyDistillation
from lightning_modules.sampling import Sampling
from students import RandomWeights, Student

WIDER = {"hidden_size": 24, "layers": 1, "heads": 2, "seed": 9}


def teacher(**settings: Any) -> Student:
    return Student(RandomWeights(**{**WIDER, **settings}), precision="float32")


@pytest.fixture
def distil(tiny: Callable[..., Student]) -> Callable[..., OnPolicyDistillation]:
    """A module with the tiny student and a teacher of another width."""

    def build(divergence: Any = None, taught_by: Student | None = None, **settings: Any) -> Any:
        student = settings.pop("student", None) or tiny(tie_embeddings=False)
        settings.setdefault("sampling", Sampling(max_new_tokens=12))
        return OnPolicyDistillation(student, taught_by or teacher(), divergence or ForwardKL(), **settings)

    return build


def same(left: Any, right: Any, rtol: float, atol: float) -> None:
    assert len(left.steps) == len(right.steps) >= 1
    assert left.losses == pytest.approx(right.losses, rel=rtol)
    for mine, other in zip(left.steps, right.steps, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], other[name], rtol=rtol, atol=atol)


def test_gradients_do_not_depend_on_the_split_into_micro_batches(fit: Any, distil: Any) -> None:
    whole = fit(1, "64-true", module=distil())
    assert len(whole.steps) > 1
    for micro_batches in (2, 4, 8):
        same(fit(micro_batches, "64-true", module=distil()), whole, rtol=1e-9, atol=1e-12)
