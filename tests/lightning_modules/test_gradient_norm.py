"""The gradient's size: measured once an update, right under accumulation, and clipped as torch and Lightning do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.plugins.precision import HalfPrecision, MixedPrecision, Precision
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lightning_modules import CurriculumDataModule, Progress, StopOnGradientNorm, SupervisedModule
from lightning_modules.callbacks import RunFolder
from lightning_modules.gradient_norm import clips_as_torch, limit_norm
from students import Student


def parameters_with_gradients(sizes: list[int], seed: int) -> list[torch.nn.Parameter]:
    """Return parameters with random gradients; one of size 0 stands for a parameter without."""
    draw = torch.Generator().manual_seed(seed)
    made = [torch.nn.Parameter(torch.zeros(max(1, size))) for size in sizes]
    for parameter, size in zip(made, sizes, strict=True):
        parameter.grad = torch.randn(size, generator=draw) if size else None
    return made


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(0, 2**20), st.floats(1e-3, 1e3))
def test_it_is_to_the_last_bit_what_torch_does(sizes: list[int], seed: int, limit: float) -> None:
    mine, theirs = (parameters_with_gradients(sizes, seed) for _ in range(2))
    groups = [{"params": mine[::2]}, *([{"params": mine[1::2]}] if mine[1:] else [])]
    found = limit_norm(torch.optim.SGD(groups, lr=1.0), limit)
    expected = torch.nn.utils.clip_grad_norm_([*theirs[::2], *theirs[1::2]], limit)
    assert torch.equal(found, expected)
    for one, other in zip(mine, theirs, strict=True):
        assert (one.grad is None) == (other.grad is None)
        assert one.grad is None or torch.equal(one.grad, other.grad)


@pytest.mark.parametrize("limit", [None, 0.0])
def test_without_a_limit_it_only_measures(limit: float | None) -> None:
    made = parameters_with_gradients([3, 0, 5], seed=0)
    before = [None if p.grad is None else p.grad.clone() for p in made]
    size = sum(float(grad.double().square().sum()) for grad in before if grad is not None) ** 0.5
    assert float(limit_norm(torch.optim.SGD(made, lr=1.0), limit)) == pytest.approx(size, rel=1e-6)
    assert all(p.grad is None or torch.equal(p.grad, grad) for p, grad in zip(made, before, strict=True))


def test_a_precision_that_clips_in_a_way_of_its_own_is_known() -> None:
    class Own(Precision):
        def clip_grad_by_norm(self, optimizer: Any, clip_val: float) -> None: ...

    assert clips_as_torch(Precision())
    assert clips_as_torch(HalfPrecision("bf16-true"))
    assert not clips_as_torch(Own())
    assert not clips_as_torch(MixedPrecision("bf16-mixed", "cpu"))  # refuses some optimisers


class ByLightning(SupervisedModule):
    """Clips as Lightning does where a module says nothing."""

    configure_gradient_clipping = LightningModule.configure_gradient_clipping


@pytest.fixture
def train(
    tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Trainer]
) -> Callable[..., Trainer]:
    def run(*callbacks: Callback, kind: type[SupervisedModule] = SupervisedModule, **settings: Any) -> Trainer:
        built = trainer(*callbacks, **settings)
        built.fit(kind(tiny()), data(8))
        return built

    return run


@pytest.mark.parametrize(
    "settings",
    [
        {"gradient_clip_val": 0.05, "accumulate_grad_batches": 2},
        {"gradient_clip_val": 0.05, "gradient_clip_algorithm": "norm", "precision": "64-true"},
        {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
        {"gradient_clip_val": 0.05, "precision": "bf16-mixed"},
        {},
    ],
)
def test_training_is_to_the_last_bit_what_it_is_when_lightning_clips(
    train: Callable[..., Trainer], settings: dict[str, Any]
) -> None:
    mine, theirs = (train(kind=kind, **settings).model for kind in (SupervisedModule, ByLightning))
    assert mine is not None
    assert theirs is not None
    expected = theirs.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in mine.state_dict().items())


class Counting(TorchDispatchMode):
    """Counts torch's operators."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls[operator.overloadpacket.__name__] += 1
        return operator(*args, **(kwargs or {}))


@pytest.mark.parametrize("limit", [None, 0.05])
def test_an_update_goes_over_its_gradients_once_to_measure_them(
    train: Callable[..., Trainer], limit: float | None
) -> None:
    with Counting() as counting:
        built = train(Progress(), StopOnGradientNorm(above=1e9), gradient_clip_val=limit, accumulate_grad_batches=2)
    assert counting.calls["_foreach_norm"] == built.global_step == 6
    assert counting.calls["_foreach_mul_"] == (0 if limit is None else 6)


class Looking(Callback):
    """Notes the size of every update's gradient, and how many gradients there are at every forward pass."""

    def __init__(self) -> None:
        self.norms: list[float] = []
        self.held: list[int] = []

    def gradients(self, module: LightningModule) -> list[Tensor]:
        return [p.grad for p in module.parameters() if p.grad is not None]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.held.append(len(self.gradients(pl_module)))

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        self.norms.append(sum(float(grad.double().square().sum()) for grad in self.gradients(pl_module)) ** 0.5)


@pytest.mark.parametrize("limit", [None, 0.01])
@pytest.mark.parametrize("micro_batches", [1, 2])
def test_the_norm_in_the_table_is_that_of_the_whole_update_before_clipping(
    train: Callable[..., Trainer], limit: float | None, micro_batches: int
) -> None:
    by_hand = Looking()
    built = train(by_hand, Progress(), gradient_clip_val=limit, accumulate_grad_batches=micro_batches)
    rows = [row.split(",") for row in RunFolder.of(built).progress.read_text().splitlines()[1:]]
    assert len(rows) == 6
    assert [float(row[5]) for row in rows] == pytest.approx(by_hand.norms, rel=1e-5)


def test_gradients_are_not_held_through_the_next_update(train: Callable[..., Trainer]) -> None:
    looking = Looking()
    train(looking, accumulate_grad_batches=2)
    assert not any(looking.held[::2])
    assert all(looking.held[1::2])  # those of the first half are added to
