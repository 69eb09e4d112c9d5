from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from curricula import Curriculum
from lessons.errors import CheckpointMismatch, ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules import (
    Divergence,
    ForwardKL,
    GeneralizedJSD,
    Linear,
    LogitDistillation,
    ReverseKL,
    Schedule,
    TotalVariation,
)
from students import LoRA, RandomWeights, RationaleThenAnswer, Student, TwoTask, render_all

WIDER = {"hidden_size": 24, "layers": 1, "heads": 2, "seed": 9}


def teacher(**settings: Any) -> Student:
    return Student(RandomWeights(**{**WIDER, **settings}), precision="float32")


@pytest.fixture
def distil(tiny: Callable[..., Student]) -> Callable[..., LogitDistillation]:
    """A module with the tiny student and a teacher of another width."""

    def build(divergence: Divergence | None = None, taught_by: Student | None = None, **settings: Any) -> Any:
        student = settings.pop("student", None) or tiny()
        return LogitDistillation(student, taught_by or teacher(), divergence or ForwardKL(), **settings)

    return build


def same(left: Any, right: Any, rtol: float, atol: float) -> None:
    assert len(left.steps) == len(right.steps) >= 1
    assert left.losses == pytest.approx(right.losses, rel=rtol)
    for mine, other in zip(left.steps, right.steps, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], other[name], rtol=rtol, atol=atol)


@pytest.mark.parametrize("rendering", [RationaleThenAnswer(), TwoTask()], ids=["one part", "two parts"])
def test_loss_and_gradients_equal_a_reference_written_by_hand(
    fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any, round_folder: Path, rendering: Any
) -> None:
    seen = fit(4, "64-true", rendering=rendering, module=distil(supervised_weight=0.25, temperature=2.0), max_steps=1)
    mine, other = (s.weights.load(torch.float32).model.double() for s in (tiny(), teacher()))
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    examples = render_all(rendering, lessons, tiny().encoder).examples
    sums = {part: torch.zeros((), dtype=torch.float64) for part in rendering.parts}
    totals = dict.fromkeys(rendering.parts, 0.0)
    for name in Curriculum.read(round_folder).lesson_ids[:8]:
        for example in examples[name]:
            ids = torch.tensor([example.input_ids])
            z, z_teacher = mine(input_ids=ids).logits[0], other(input_ids=ids).logits[0].detach()
            for t in range(1, len(example.input_ids)):
                p, q = torch.softmax(z_teacher[t - 1] / 2, 0), torch.softmax(z[t - 1] / 2, 0)
                divergence = (p * (p / q).log()).sum()
                nll = -torch.softmax(z[t - 1], 0)[example.input_ids[t]].log()
                loss = 0.25 * nll + 0.75 * 4 * divergence
                sums[example.part] = sums[example.part] + example.weights[t] * loss
                totals[example.part] += example.weights[t]
    loss = sum((rendering.parts[part] * sums[part] / totals[part] for part in sums), torch.zeros(()))
    loss.backward()
    gradients = {f"model.{name}": p.grad for name, p in mine.named_parameters()}
    assert seen.losses[0] == pytest.approx(float(loss.detach()), rel=1e-9)
    assert seen.steps[0].keys() == gradients.keys()
    for name, gradient in seen.steps[0].items():
        torch.testing.assert_close(gradient, gradients[name], rtol=1e-8, atol=1e-11)


def test_a_student_like_its_teacher_has_nothing_to_learn_and_text_alone_is_supervised_training(
    fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any
) -> None:
    pupil = fit(2, "64-true", module=distil(ReverseKL(), taught_by=tiny(), supervised_weight=0.0), max_steps=1)
    assert pupil.losses == pytest.approx([0.0], abs=1e-12)
    assert max(float(gradient.abs().max()) for gradient in pupil.steps[0].values()) < 1e-12
    plain, faded = fit(2, "64-true"), fit(2, "64-true", module=distil(teacher_schedule=Nothing()))
    same(faded, plain, rtol=1e-9, atol=1e-12)


class Nothing(Schedule):
    """A teacher that has no say."""

    def factor(self, update: int, updates: int) -> float:
        return 0.0


def test_the_schedule_moves_weight_from_teacher_to_text(distil: Callable[..., Any], fit: Callable[..., Any]) -> None:
    shares: list[float] = []

    class Noting(LogitDistillation):
        def on_before_optimizer_step(self, optimizer: Any) -> None:
            shares.append(self.teacher_share)

    module = distil(supervised_weight=0.2, teacher_schedule=Linear(warmup_share=0.0, floor=0.0))
    module.__class__ = Noting
    fit(2, module=module)
    assert shares == pytest.approx([0.8 * (1 - k / 6) for k in range(6)])


def test_nothing_of_the_teacher_is_trained_saved_or_changed(
    distil: Callable[..., Any], data: Any, trainer: Any, tmp_path: Path
) -> None:
    module = distil()
    built = trainer(max_steps=2)
    built.fit(module, data(4))
    built.save_checkpoint(tmp_path / "a.ckpt")
    before = teacher().weights.load(torch.float32).model.state_dict()
    after = module.source.loaded.model
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.state_dict().items())
    assert not after.training
    assert not any(p.requires_grad or p.grad is not None for p in after.parameters())
    state = torch.load(tmp_path / "a.ckpt", weights_only=True)
    assert set(state["state_dict"]) == {f"model.{name}" for name in module.model.state_dict()}
    widths = {size for tensor in state["state_dict"].values() for size in tensor.shape}
    assert WIDER["hidden_size"] not in widths
    optimised = {id(p) for group in built.optimizers[0].param_groups for p in group["params"]}
    assert optimised == {id(p) for p in module.model.parameters()}


def test_both_terms_are_logged_and_the_loss_is_explained(
    distil: Callable[..., Any], data: Any, trainer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    module = distil(TotalVariation(), supervised_weight=0.25, temperature=2.0)
    built = trainer(accumulate_grad_batches=2, max_steps=1)
    with caplog.at_level(logging.INFO, logger="lightning_modules"):
        built.fit(module, data(8))
    found = {name: float(built.callback_metrics[name]) for name in ("nll", "divergence", "loss")}
    assert found["loss"] == pytest.approx(0.25 * found["nll"] + 0.75 * 4 * found["divergence"], rel=1e-5)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "0.25 * nll + 0.75 * 4 (T^2) * TotalVariation at temperature 2" in said
    assert "each mean over all its supervised tokens of an update" in said


def test_an_adapter_alone_is_trained(fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any) -> None:
    seen = fit(2, module=distil(student=tiny(LoRA(rank=2))), max_steps=1)
    assert seen.steps[0]
    assert all(".lora_" in name for name in seen.steps[0])


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_half_precision_trains(fit: Callable[..., Any], distil: Callable[..., Any], precision: str) -> None:
    whole, half = (fit(2, kind, module=distil(), max_steps=2) for kind in ("32-true", precision))
    assert half.losses == pytest.approx(whole.losses, rel=2e-2)
    assert half.losses != whole.losses


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"supervised_weight": 1.0}, r"supervised weight is 1.0, .*Allowed.*below 1.*use.*SupervisedModule"),
        ({"temperature": 0.0}, r"temperature is 0.0. Allowed are values above 0.*Correct `temperature`"),
        ({"divergence": GeneralizedJSD(2.0)}, r"GeneralizedJSD got beta=2.0"),
    ],
)
def test_settings_out_of_range_are_refused_before_training(
    distil: Callable[..., Any], data: Any, trainer: Any, settings: Any, message: str
) -> None:
    module = distil(**settings)
    with pytest.raises(ConfigError, match=message):
        trainer().fit(module, data(8))
    assert not module.student.built


def test_a_checkpoint_of_another_teacher_is_refused(
    distil: Callable[..., Any], data: Any, trainer: Any, tmp_path: Path
) -> None:
    built = trainer(max_steps=2)
    built.fit(distil(), data(4))
    built.save_checkpoint(tmp_path / "a.ckpt")
    with pytest.raises(CheckpointMismatch, match=r"taught by another teacher.*very same weights. Restore them, or"):
        trainer(max_steps=3).fit(distil(taught_by=teacher(seed=8)), data(4), ckpt_path=tmp_path / "a.ckpt")
