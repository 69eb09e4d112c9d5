from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from curricula import Curriculum, Shuffled, plan
from lessons.errors import CheckpointMismatch
from lessons.lesson_set import LessonSet
from lightning_modules import (
    Cosine,
    CurriculumDataModule,
    ForwardKL,
    Linear,
    LogitDistillation,
    MaskedTokens,
    NoisyInputs,
    OnPolicyDistillation,
    Replay,
    Sampling,
    SupervisedModule,
    UpdateCheckpoint,
    WarmupStableDecay,
)
from lightning_modules.callbacks import RunFolder
from students import LoRA, RandomWeights, RationaleThenAnswer, Rendering, Student, TwoTask, render_all

PARTS = {"answer": 0.25, "rationale": 0.75}


def same(left: Any, right: Any, rtol: float, atol: float) -> None:
    assert len(left.steps) == len(right.steps) > 1
    assert left.losses == pytest.approx(right.losses, rel=rtol)
    for mine, other in zip(left.steps, right.steps, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], other[name], rtol=rtol, atol=atol)


@pytest.mark.parametrize("rendering", [RationaleThenAnswer(), TwoTask()], ids=["one part", "two parts"])
def test_gradients_do_not_depend_on_the_split_into_micro_batches(fit: Callable[..., Any], rendering: Rendering) -> None:
    whole = fit(1, "64-true", rendering=rendering)
    for micro_batches in (2, 4, 8):
        same(fit(micro_batches, "64-true", rendering=rendering), whole, rtol=1e-9, atol=1e-12)
    # float32: after one update, before rounding has been fed back
    single = [fit(n, max_steps=2, rendering=rendering) for n in (1, 8)]
    for step in single:
        step.steps, step.losses = step.steps[:1] * 2, step.losses[:1] * 2
    same(*single, rtol=1e-4, atol=1e-6)


def reference(
    student: Student, rendering: Rendering, lessons: LessonSet, plan: Curriculum, span: slice
) -> tuple[torch.Tensor, dict[str, Any]]:
    """One sequence at a time, whole logits, every token's loss written out."""
    model = student.weights.load(torch.float32).model.double()
    examples = render_all(rendering, lessons, student.encoder).examples
    sums = {part: torch.zeros((), dtype=torch.float64) for part in rendering.parts}
    totals = dict.fromkeys(rendering.parts, 0.0)
    for lesson_id, factor in zip(plan.lesson_ids[span], plan.weight[span], strict=True):
        for example in examples[lesson_id]:
            logits = model(input_ids=torch.tensor([example.input_ids])).logits[0]
            for t in range(1, len(example.input_ids)):
                probability = torch.softmax(logits[t - 1], dim=0)[example.input_ids[t]]
                sums[example.part] = sums[example.part] - float(factor) * example.weights[t] * probability.log()
                totals[example.part] += float(factor) * example.weights[t]
    loss = sum((rendering.parts[part] * sums[part] / totals[part] for part in sums), torch.zeros(()))
    loss.backward()
    return loss.detach(), {f"model.{name}": p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize("rendering", [RationaleThenAnswer(), TwoTask()], ids=["one part", "two parts"])
def test_loss_and_gradients_equal_a_reference_written_by_hand(
    fit: Callable[..., Any], tiny: Callable[..., Student], round_folder: Path, tmp_path: Path, rendering: Rendering
) -> None:
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    plan = Curriculum.read(round_folder)
    weighted = replace(plan, weight=np.random.default_rng(0).choice([0.25, 0.5, 1.0, 3.0], len(plan)))
    weighted.write(tmp_path / "weighted")
    seen = fit(4, "64-true", rendering=rendering, curriculum=str(tmp_path / "weighted"), max_steps=1)
    loss, gradients = reference(tiny(), rendering, lessons, weighted, slice(0, 8))
    assert seen.losses[0] == pytest.approx(float(loss), rel=1e-9)
    for name, gradient in seen.steps[0].items():
        torch.testing.assert_close(gradient, gradients[name], rtol=1e-8, atol=1e-11)


def test_the_last_update_is_ragged_and_still_exact(fit: Callable[..., Any]) -> None:
    # 42 entries in updates of 8: the last has 2 lessons, so 6 of its 8 micro-batches are empty
    whole, split = fit(1, "64-true"), fit(8, "64-true")
    assert len(whole.steps) == 6
    same(split, whole, rtol=1e-9, atol=1e-12)


def test_a_rendering_that_drops_long_lessons_keeps_the_order_of_the_others(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student]
) -> None:
    module = data(4, max_tokens=60)
    batches = module.build(tiny().encoder)
    kept = [name for k in range(len(batches)) for name in batches.numbered(k).plan.lesson_ids]
    plan = [name for name in Curriculum.read(module.curriculum).lesson_ids if name in set(kept)]
    assert module.dropped_lessons == 21 - len(set(kept)) > 0
    by_update = [kept[start : start + 4] for start in range(0, len(kept), 4)]
    assert [sorted(found) for found in by_update] == [sorted(plan[k : k + 4]) for k in range(0, len(plan), 4)]


@pytest.mark.slow
def test_a_tiny_set_is_learnt_by_heart(
    tiny: Callable[..., Student],
    data: Callable[..., CurriculumDataModule],
    trainer: Callable[..., Any],
    round_folder: Path,
    tmp_path: Path,
) -> None:
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    plan(lessons, [], Shuffled(), passes=50).curriculum.write(tmp_path / "plan")
    module = SupervisedModule(tiny(), lambda p: torch.optim.AdamW(p, lr=2e-2), Cosine(0.1))
    trainer().fit(module, data(6, max_tokens=60, curriculum=str(tmp_path / "plan")))
    assert float(module.update_loss) < 0.5  # it starts at log(102) = 4.6


def test_only_what_trains_is_optimised_with_an_adapter(fit: Callable[..., Any], tiny: Callable[..., Student]) -> None:
    seen = fit(2, module=SupervisedModule(tiny(LoRA(rank=2))), max_steps=2)
    assert seen.steps[0]
    assert all(".lora_" in name for name in seen.steps[0])


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_half_precision_trains_on_exact_totals(fit: Callable[..., Any], precision: str) -> None:
    whole, half = fit(2, max_steps=2), fit(2, precision, max_steps=2)
    assert half.losses == pytest.approx(whole.losses, rel=2e-2)
    assert half.losses != whole.losses


def test_gradient_checkpointing_changes_nothing(fit: Callable[..., Any]) -> None:
    weights = RandomWeights(hidden_size=16, layers=2, heads=2)
    plain, saving = (
        fit(2, "64-true", module=SupervisedModule(Student(weights, precision="float32", gradient_checkpointing=on)))
        for on in (False, True)
    )
    same(plain, saving, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("module", "refused"),
    [
        (lambda student: SupervisedModule(student, schedule=Cosine(warmup_share=0.0)), True),
        (lambda student: SupervisedModule(student, schedule=WarmupStableDecay(0.0, decay_share=0.25)), False),
        (lambda student: SupervisedModule(student), False),
        (lambda student: NoisyInputs(student, MaskedTokens("Z"), warmup_share=0.9), True),
        (lambda student: LogitDistillation(student, student, ForwardKL(), teacher_schedule=Linear(0.0)), True),
        (
            lambda student: OnPolicyDistillation(
                student, student, ForwardKL(), Sampling(max_new_tokens=4, replay=Replay())
            ),
            True,
        ),
    ],
    ids=["cosine", "decay that has not begun", "nothing scheduled", "noise", "teacher's weight", "replay"],
)
def test_a_resume_in_a_longer_run_is_refused_where_the_updates_so_far_would_have_been_others(
    tiny: Callable[..., Student],
    data: Callable[..., CurriculumDataModule],
    trainer: Callable[..., Any],
    module: Callable[[Student], SupervisedModule],
    refused: bool,
) -> None:
    short = trainer(UpdateCheckpoint(), max_steps=3, enable_checkpointing=True)
    short.fit(module(tiny()), data(8))
    saved, longer = RunFolder.of(short).checkpoint, trainer(max_steps=4)
    if refused:
        with pytest.raises(
            CheckpointMismatch, match=r"a run of 3 updates, this one has 4.* Restore trainer\.max_steps"
        ):
            longer.fit(module(tiny()), data(8), ckpt_path=saved)
    else:
        longer.fit(module(tiny()), data(8), ckpt_path=saved)
        assert longer.global_step == 4
