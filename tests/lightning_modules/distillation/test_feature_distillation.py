from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from transformers import AutoModelForCausalLM

from curricula import Curriculum
from lessons.errors import ConfigError
from lessons.lesson_set import LessonSet
from lightning_modules import (
    FeatureDistillation,
    FeatureLoss,
    ForwardKL,
    HiddenCosine,
    HiddenDistance,
    HiddenSimilarity,
    LogitDistillation,
)
from students import LoRA, RandomWeights, RationaleThenAnswer, Student, render_all


def teacher(**settings: Any) -> Student:
    sizes = {"hidden_size": 24, "layers": 4, "heads": 2, "seed": 9}
    return Student(RandomWeights(**{**sizes, **settings}), precision="float32")


@pytest.fixture
def distil(tiny: Callable[..., Student]) -> Callable[..., FeatureDistillation]:
    """A module with the tiny student of two blocks and a wider teacher of four."""

    def build(*features: FeatureLoss, taught_by: Student | None = None, **settings: Any) -> FeatureDistillation:
        student = settings.pop("student", None) or tiny()
        return FeatureDistillation(student, taught_by or teacher(), list(features), **settings)

    return build


def same(left: Any, right: Any, rtol: float, atol: float) -> None:
    assert len(left.steps) == len(right.steps) >= 1
    assert left.losses == pytest.approx(right.losses, rel=rtol)
    for mine, other in zip(left.steps, right.steps, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], other[name], rtol=rtol, atol=atol)


def test_loss_and_gradients_equal_a_reference_written_by_hand(
    fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any, round_folder: Path
) -> None:
    features = HiddenDistance(0.5, [1, 2], [1, 3]), HiddenSimilarity(2.0, [1])
    module = distil(*features, divergence=ForwardKL(), supervised_weight=0.25, temperature=2.0)
    seen = fit(2, "64-true", 4, module=module, max_steps=1)
    mine, other = (s.weights.load(torch.float32).model.double() for s in (tiny(), teacher()))
    generator = torch.Generator().manual_seed(0)
    made = [torch.nn.init.normal_(torch.empty(24, 16), std=0.25, generator=generator).double() for _ in range(2)]
    projections = [matrix.requires_grad_() for matrix in made]
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    examples = render_all(RationaleThenAnswer(), lessons, tiny().encoder).examples
    total, tokens = torch.zeros((), dtype=torch.float64), 0
    for name in Curriculum.read(round_folder).lesson_ids[:4]:
        (example,) = examples[name]
        ids = torch.tensor([example.input_ids])
        ours, theirs = (model(input_ids=ids, output_hidden_states=True) for model in (mine, other))
        learnt = [t for t in range(1, len(example.input_ids)) if example.weights[t]]
        states = [[s[0][[t - 1 for t in learnt]] for s in side.hidden_states] for side in (ours, theirs)]
        cosines = [torch.nn.functional.normalize(side, dim=1) for side in (states[0][1], states[1][2].detach())]
        last = mine_before_norm(mine, ids)[[t - 1 for t in learnt]]  # transformers' own list ends after the norm
        for k, t in enumerate(learnt):
            p, q = (torch.softmax(side.logits[0, t - 1] / 2, 0) for side in (theirs, ours))
            nll = -ours.logits[0, t - 1].log_softmax(0)[ids[0, t]]
            total = total + 0.25 * nll + 0.75 * 4 * (p.detach() * (p.detach() / q).log()).sum()
            pairs = ((states[0][1], states[1][1]), (last, states[1][3]))
            for matrix, (s, h) in zip(projections, pairs, strict=True):
                total = total + 0.5 / 2 * (matrix @ s[k] - h[k].detach()).square().mean()
            gaps = cosines[0] @ cosines[0][k] - cosines[1] @ cosines[1][k]
            total = total + 2.0 * gaps.square().mean()
        tokens += len(learnt)
    loss = total / tokens
    loss.backward()
    gradients = {f"model.{name}": p.grad for name, p in mine.named_parameters()}
    names = [f"projections.feature_0_block_{pair}.weight" for pair in ("0_to_0", "1_to_2")]
    gradients |= {name: matrix.grad for name, matrix in zip(names, projections, strict=True)}
    assert seen.losses[0] == pytest.approx(float(loss.detach()), rel=1e-9)
    assert seen.steps[0].keys() == gradients.keys()
    for name, gradient in seen.steps[0].items():
        torch.testing.assert_close(
            gradient, gradients[name], rtol=1e-5, atol=1e-8
        )  # transformers' norms round to float32


def mine_before_norm(model: Any, ids: torch.Tensor) -> torch.Tensor:
    heard = []
    handle = model.model.norm.register_forward_pre_hook(lambda module, inputs: heard.append(inputs[0][0]))
    model(input_ids=ids)
    handle.remove()
    return heard[0]


def test_a_student_like_its_teacher_has_nothing_to_learn(
    fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any
) -> None:
    features = HiddenDistance(), HiddenCosine(student_layers=[1, 2]), HiddenSimilarity(cosine=False)
    module = distil(*features, taught_by=tiny(), supervised_weight=0.0)
    seen = fit(2, "64-true", module=module, max_steps=1)
    assert not module.projections
    assert seen.losses == pytest.approx([0.0], abs=1e-12)
    assert max(float(gradient.abs().max()) for gradient in seen.steps[0].values()) < 1e-12


def test_weightless_features_leave_what_they_are_added_to(
    fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any
) -> None:
    nothing = HiddenSimilarity(weight=1e-30)
    supervised = fit(2, "64-true", module=distil(nothing), max_steps=1)
    same(supervised, fit(2, "64-true", max_steps=1), rtol=1e-9, atol=1e-12)
    settings = {"supervised_weight": 0.25, "temperature": 2.0}
    logits = fit(2, "64-true", module=distil(nothing, divergence=ForwardKL(), **settings), max_steps=1)
    plain = fit(2, "64-true", module=LogitDistillation(tiny(), teacher(), ForwardKL(), **settings), max_steps=1)
    same(logits, plain, rtol=1e-9, atol=1e-12)


def test_gradient_checkpointing_changes_nothing(fit: Callable[..., Any], distil: Callable[..., Any], tiny: Any) -> None:
    careful = tiny()
    careful.gradient_checkpointing = True
    features = HiddenDistance(student_layers=[1]), HiddenSimilarity()
    same(*(fit(2, "64-true", module=distil(*features, student=s), max_steps=1) for s in (careful, tiny())), 1e-9, 1e-12)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_half_precision_trains(fit: Callable[..., Any], distil: Callable[..., Any], precision: str) -> None:
    features = HiddenDistance(), HiddenCosine(), HiddenSimilarity()
    whole, half = (fit(2, kind, module=distil(*features), max_steps=1) for kind in ("32-true", precision))
    assert half.losses == pytest.approx(whole.losses, rel=2e-2)
    assert half.losses != whole.losses
    assert all(gradient.isfinite().all() for gradient in half.steps[0].values())


class Saving(Callback):
    """Writes a checkpoint after the second update."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == 2 and not self.path.exists():
            trainer.save_checkpoint(self.path)


def test_projections_are_trained_and_resumed_to_the_last_bit_but_not_exported(
    distil: Callable[..., Any], data: Any, trainer: Any, tiny: Any, tmp_path: Path
) -> None:
    path, name = tmp_path / "a.ckpt", "projections.feature_0_block_1_to_3.weight"

    def train(*callbacks: Callback, resume: Path | None = None) -> Any:
        module = distil(
            HiddenDistance(),
            student=tiny(LoRA(rank=2, dropout=0.0)),
            optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=0.01),
        )
        trainer(*callbacks, max_steps=4, accumulate_grad_batches=2).fit(module, data(4), ckpt_path=resume)
        return module

    whole, resumed = train(Saving(path)), train(resume=path)
    for key, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[key]), key
    saved = torch.load(path, weights_only=True)["state_dict"]
    assert name in saved
    assert not torch.equal(saved[name], whole.state_dict()[name])
    exported = AutoModelForCausalLM.from_pretrained(resumed.student.export(tmp_path / "student"))
    assert not [key for key in exported.state_dict() if "projection" in key]


def test_all_terms_are_logged_and_the_loss_is_explained(
    distil: Callable[..., Any], data: Any, trainer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    features = HiddenDistance(0.5, student_layers=[1]), HiddenCosine(2.0)
    built = trainer(accumulate_grad_batches=2, max_steps=1)
    with caplog.at_level(logging.INFO, logger="lightning_modules"):
        built.fit(distil(*features, divergence=ForwardKL(), supervised_weight=0.25), data(8))
    found = {name: float(value) for name, value in built.callback_metrics.items()}
    parts = 0.25 * found["nll"] + 0.75 * found["divergence"]
    parts += 0.5 * found["HiddenDistance_0"] + 2 * found["HiddenCosine_1"]
    assert found["loss"] == pytest.approx(parts, rel=1e-5)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "0.25 * nll + 0.75 * ForwardKL at temperature 1 + 0.5 * HiddenDistance of block 1 with 2" in said
    assert "2 * HiddenCosine of block 2 with 4" in said


@pytest.mark.parametrize(
    ("features", "settings", "message"),
    [
        ((), {}, r"got no features; needed is at least one.*or use lightning_modules.LogitDistillation"),
        ((HiddenDistance(-1.0),), {}, r"HiddenDistance got weight=-1.0"),
        ((HiddenDistance(),), {"divergence": ForwardKL()}, r"weight is 1, which leaves nothing.*Lower"),
        (
            (HiddenDistance(),),
            {"supervised_weight": -0.5},
            r"weight is -0.5. Allowed are values from 0 to 1",
        ),
    ],
    ids=["none", "weight", "share", "negative"],
)
def test_settings_out_of_range_are_refused_before_training(
    distil: Callable[..., Any], data: Any, trainer: Any, features: Any, settings: dict[str, Any], message: str
) -> None:
    module = distil(*features, **settings)
    with pytest.raises(ConfigError, match=message):
        trainer().fit(module, data(8))
    assert not module.student.built


def test_blocks_that_do_not_exist_are_refused_before_the_first_step(
    distil: Callable[..., Any], data: Any, trainer: Any
) -> None:
    with pytest.raises(ConfigError, match=r"asks for block 3 of the student, which has 2.*Correct `student_layers`"):
        trainer().fit(distil(HiddenDistance(student_layers=[3])), data(8))
