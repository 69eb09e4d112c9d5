"""For every module: gradients do not depend on the split of an update into micro-batches, padding and processes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from every_module import CASES, LONGEST, SHORTEST, VARIANTS, data_of, write_lessons
from lightning.pytorch import Callback, Trainer
from outspoken import Outspoken

import lightning_modules
from lightning_modules import SupervisedModule
from students import Weights

EVERY = {**CASES, **VARIANTS}


class Found(NamedTuple):
    """What a run came to."""

    losses: list[float]
    """Of every update."""
    gradients: list[dict[str, torch.Tensor]]
    """Of every update, by parameter, on all devices together and before clipping."""
    figures: list[dict[str, float]]
    """Of every update, all that was logged up to it."""
    sizes: list[list[int]]
    """Of every update, tokens that are learnt in each sequence."""


class Watching(Callback):
    """Writes what a run comes to: a process that was forked has no other way to tell."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found = Found([], [], [], [[]])

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch.plan.sequence_numbers:
            self.found.sizes[-1].extend(torch.bincount(batch.sequences).tolist())

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Any) -> None:
        named = {name: p.grad for name, p in pl_module.named_parameters() if p.grad is not None}
        self.found.gradients.append({name: grad.detach().clone() for name, grad in named.items()})
        self.found.losses.append(float(pl_module.update_loss))
        self.found.sizes.append([])

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch.plan.closes_update:
            self.found.figures.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero:
            torch.save(tuple(self.found), self.path)


def descent(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.01)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lessons(tmp_path_factory.mktemp("lessons"))


@pytest.fixture
def train(folder: Path, trainer: Callable[..., Trainer], tmp_path: Path) -> Callable[..., Found]:
    """Train a case and return what it came to: two updates, of 8 lessons and of 5, which do not fill eight pieces."""

    def run(
        name: str,
        micro_batches: int = 1,
        precision: str = "64-true",
        packing: bool = True,
        weights: Weights | None = None,
        **settings: Any,
    ) -> Found:
        case = EVERY[name]
        module = case.module(folder, None)
        module.optimizer = descent
        module.student.packing = packing
        module.student.weights = weights or module.student.weights
        path = tmp_path / "found.pt"
        built = trainer(Watching(path), accumulate_grad_batches=micro_batches, precision=precision, **settings)
        built.fit(module, data_of(case, folder, 8))
        return Found(*torch.load(path, weights_only=True))

    return run


def same(found: Found, expected: Found, rtol: float, atol: float) -> None:
    """Compare; `atol` is relative to the largest element of all gradients of the update."""
    assert found.losses == pytest.approx(expected.losses, rel=rtol, abs=atol)
    for figures, others in zip(found.figures, expected.figures, strict=True):
        assert figures == pytest.approx(others, rel=1e-5, abs=1e-5)  # some are added up in float32
    for mine, other in zip(found.gradients, expected.gradients, strict=True):
        assert mine.keys() == other.keys()
        largest = max(float(gradient.abs().max()) for gradient in other.values())
        assert largest > 0
        for name, gradient in mine.items():
            torch.testing.assert_close(gradient, other[name], rtol=rtol, atol=atol * largest)


@pytest.fixture(scope="module")
def known() -> dict[str, Found]:
    return {}


@pytest.fixture
def whole(known: dict[str, Found], train: Callable[..., Found], name: str) -> Found:
    """Every update in one padded piece, trained once for all that is compared with it."""
    if name not in known:
        known[name] = train(name, packing=False)
    return known[name]


@pytest.mark.parametrize("name", CASES)
def test_gradients_do_not_depend_on_the_split_of_an_update(
    name: str, train: Callable[..., Found], whole: Found
) -> None:
    """Two packed pieces, eight without padding, and in float32 one packed piece."""
    for micro_batches in (2, 8):
        same(train(name, micro_batches), whole, rtol=1e-9, atol=1e-12)
    single = [train(name, micro_batches, "32-true", max_steps=1) for micro_batches in (1, 8)]
    same(*single, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", VARIANTS)
def test_nor_do_those_of_other_formulas(name: str, train: Callable[..., Found]) -> None:
    same(train(name, 8, max_steps=1), train(name, packing=False, max_steps=1), rtol=1e-9, atol=1e-12)


class Muted(Outspoken):
    """A student that cannot write one of its tokens: its logit is minus infinity everywhere."""

    def load(self, dtype: torch.dtype) -> Any:
        loaded = super().load(dtype)
        muted = torch.nn.Linear(*loaded.model.lm_head.weight.T.shape)
        bias = torch.zeros(muted.out_features)
        bias[loaded.tokenizer.convert_tokens_to_ids("Z")] = -torch.inf  # which is in no lesson
        muted.weight, muted.bias = loaded.model.lm_head.weight, torch.nn.Parameter(bias, requires_grad=False)
        loaded.model.lm_head = muted
        assert loaded.model(input_ids=torch.zeros(1, 1, dtype=torch.int64)).logits.isneginf().sum() == 1
        return loaded


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ("Margin-MSE", "scores", "dual head")])
def test_masked_vocabulary_leaves_losses_and_gradients_finite(name: str, train: Callable[..., Found]) -> None:
    found = train(name, 2, "32-true", max_steps=1, weights=Muted())
    assert math.isfinite(found.losses[0])
    assert all(gradient.isfinite().all() for gradient in found.gradients[0].values())


@pytest.mark.parametrize("name", ["supervised"])
def test_lengths_differ_as_much_as_they_should(whole: Found) -> None:
    assert {SHORTEST, LONGEST} <= set(whole.sizes[0])


@pytest.mark.parametrize("name", ["KTO"])
def test_the_reference_point_is_put_to_the_test(whole: Found) -> None:
    assert whole.figures[0]["mismatched_log_ratio"] > 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_what_one_does(name: str, train: Callable[..., Found], whole: Found) -> None:
    same(train(name, 2, devices=2, strategy="ddp_fork"), whole, rtol=1e-9, atol=1e-12)


def test_no_module_is_left_out() -> None:
    exported = [getattr(lightning_modules, name) for name in lightning_modules.__all__]
    modules = {kind for kind in exported if inspect.isclass(kind) and issubclass(kind, SupervisedModule)}
    assert modules == {type(case.module(Path(), None)) for case in CASES.values()}
