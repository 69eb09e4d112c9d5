from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer

from curricula import Curriculum
from lessons import LessonSet, RightAgainstWrong
from lessons.errors import CheckpointMismatch, ConfigError, TrainingCollapsed
from lightning_modules import (
    DPO,
    KTO,
    REDI,
    CurriculumDataModule,
    Preference,
    PreferenceModule,
    SimPO,
    SupervisedModule,
)
from lightning_modules.preferences.preference_reference import reference_sums
from students import AnswerOnly, CharacterTokenizer, Contrasts, LoRA, Pairs, RandomWeights, Rendering, Student
from students.renderings import render_all
from tests.lightning_modules.conftest import Gradients
from tests.lightning_modules.preference_round import write_round

PAIRS = Pairs(RightAgainstWrong(pairs_per_prompt=3))


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_round(tmp_path_factory.mktemp("pairs"))


def data_of(folder: Path, rendering: Rendering) -> CurriculumDataModule:
    return CurriculumDataModule(
        prompts=str(folder / "prompts.parquet"),
        annotations=str(folder / "lessons.parquet"),
        curriculum=str(folder),
        rendering=rendering,
        lessons_per_update=8,
    )


@pytest.fixture
def prefer(pairs_folder: Path, tiny: Callable[..., Student], trainer: Callable[..., Any]) -> Callable[..., Any]:
    """Train the tiny student on preferences, or supervised, and return what the callback saw, and the module."""

    def run(
        preference: Preference | None,
        rendering: Rendering = PAIRS,
        micro_batches: int = 1,
        student: Student | None = None,
        reference: Student | None = None,
        precision: str = "64-true",
        rate: float = 0.05,
        ckpt_path: Path | None = None,
        callbacks: Sequence[Callback] = (),
        **settings: Any,
    ) -> Any:
        def optimizer(parameters: Any) -> torch.optim.Optimizer:
            return torch.optim.SGD(parameters, lr=rate)

        seen, mine = Gradients(), student or tiny()
        if preference is None:
            module = SupervisedModule(mine, optimizer)
        else:
            module = PreferenceModule(mine, preference, reference, optimizer)
        built = trainer(seen, *callbacks, accumulate_grad_batches=micro_batches, precision=precision, **settings)
        built.fit(module, data_of(pairs_folder, rendering), ckpt_path=ckpt_path)
        seen.module, seen.trainer = module, built
        return seen

    return run


def same(left: Any, right: Any, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    assert len(left.steps) == len(right.steps) > 1
    assert left.losses == pytest.approx(right.losses, rel=rtol)
    for mine, other in zip(left.steps, right.steps, strict=True):
        assert mine.keys() == other.keys()
        for name in mine:
            torch.testing.assert_close(mine[name], other[name], rtol=rtol, atol=atol)


def log_probability(model: Any, ids: list[int], weights: list[float]) -> torch.Tensor:
    """One sequence by itself, its whole logits, token by token."""
    logits = model(input_ids=torch.tensor([ids])).logits[0]
    total = torch.zeros((), dtype=torch.float64)
    for t in range(1, len(ids)):
        total = total + weights[t] * torch.softmax(logits[t - 1], 0)[ids[t]].log()
    return total


def test_loss_and_gradients_equal_a_reference_written_by_hand(
    prefer: Callable[..., Any], tiny: Callable[..., Student], pairs_folder: Path
) -> None:
    seen = prefer(DPO(0.3, supervised_weight=0.25), micro_batches=2, reference=tiny(seed=5), max_steps=1)
    model, other = (tiny(seed=seed).weights.load(torch.float32).model.double() for seed in (0, 5))
    lessons = LessonSet.read(pairs_folder / "prompts.parquet", pairs_folder / "lessons.parquet")
    rendered = render_all(PAIRS, lessons, tiny().encoder)
    plan = Curriculum.read(pairs_folder)
    entries = [(k, float(w)) for k, w in zip(plan.lesson_ids, plan.weight, strict=True) if k in rendered.examples][:8]
    losses, weights, nll, tokens = [], 0.0, torch.zeros(()), 0.0
    for name, factor in entries:
        examples = rendered.examples[name]
        for chosen, rejected in zip(examples[::2], examples[1::2], strict=True):
            sides = [[log_probability(m, e.input_ids, e.weights) for m in (model, other)] for e in (chosen, rejected)]
            gap = (sides[0][0] - sides[0][1].detach()) - (sides[1][0] - sides[1][1].detach())
            losses.append(factor * torch.log(1 + torch.exp(-0.3 * gap)))
            weights += factor
            nll = nll - factor * sides[0][0]
            tokens += factor * sum(chosen.weights[1:])
    loss = sum(losses, torch.zeros(())) / weights + 0.25 * nll / tokens
    loss.backward()
    assert seen.losses[0] == pytest.approx(loss.item(), rel=1e-9)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(seen.steps[0][f"model.{name}"], parameter.grad, rtol=1e-8, atol=1e-11)


def test_redi_without_negatives_is_supervised_training_on_the_chosen_texts(prefer: Callable[..., Any]) -> None:
    same(prefer(REDI(0.0, length="update"), micro_batches=2), prefer(None, micro_batches=2))


@pytest.mark.parametrize("adapter", [None, LoRA(rank=2, dropout=0.5)], ids=["all weights", "adapter"])
def test_the_student_begins_as_its_own_reference_and_keeps_it(
    prefer: Callable[..., Any], tiny: Callable[..., Student], adapter: LoRA | None
) -> None:
    student = tiny(adapter)
    seen = prefer(DPO(largest_fall=5.0), student=student, rate=0.5)
    without_dropout = prefer(DPO(), student=tiny(adapter and LoRA(rank=2)), max_steps=1)
    assert without_dropout.losses[0] == pytest.approx(math.log(2), abs=1e-12)
    assert seen.losses[-1] != pytest.approx(math.log(2), abs=1e-3)  # it has moved since
    known = seen.module.known
    again = reference_sums(seen.module, None, known.rendered)
    assert np.array_equal(again, known.reference)  # of the weights before training, to the bit
    base = tiny().weights.load(torch.float32).model.double()
    numbers = range(len(known.rendered.starts) - 1)
    by_hand = [
        log_probability(base, found.tokens.tolist(), found.weights.tolist()).item()
        for found in (known.rendered.sequence(k) for k in numbers)
    ]
    assert known.reference.tolist() == pytest.approx(by_hand, rel=1e-9)
    assert all(p.requires_grad == (adapter is None or "lora" in name) for name, p in seen.module.named_parameters())


def test_half_precision_trains(prefer: Callable[..., Any]) -> None:
    for precision in ("bf16-mixed", "bf16-true"):
        seen = prefer(DPO(), precision=precision, max_steps=1)
        assert seen.losses[0] == pytest.approx(math.log(2), abs=5e-2)


def test_what_is_logged_is_what_happened(prefer: Callable[..., Any], tiny: Callable[..., Student]) -> None:
    seen = prefer(DPO(0.5), max_steps=1, rate=0.0)
    found = {name: float(value) for name, value in seen.trainer.callback_metrics.items()}
    assert found["margin"] == pytest.approx(0, abs=1e-12)
    assert found["chosen_fall"] == pytest.approx(0, abs=1e-12)
    known, batch = seen.module.known, seen.trainer.datamodule.batches.numbered(0)
    numbers, factors = np.array(batch.plan.sequence_numbers), batch.extras["factors"].double().numpy()
    lengths = np.array([known.rendered.sequence(number).weights.sum() for number in numbers])
    means = known.reference[numbers] / lengths  # nothing has moved
    for part, name in enumerate(("chosen_log_probability", "rejected_log_probability")):
        mine = known.rendered.parts[numbers] == part
        assert found[name] == pytest.approx(np.average(means[mine], weights=factors[mine]), rel=1e-9)
    moved = prefer(SimPO(), student=tiny(), max_steps=1, rate=0.0)
    gaps, weights = 2.0 * (means[::2] - means[1::2]), factors[::2]
    figures = {name: float(value) for name, value in moved.trainer.callback_metrics.items()}
    assert figures["margin"] == pytest.approx(np.average(gaps, weights=weights), rel=1e-9)
    assert figures["preference_accuracy"] == pytest.approx(np.average(gaps > 0, weights=weights), rel=1e-9)
    assert "chosen_fall" not in figures  # SimPO knows no start


def test_training_stops_when_the_chosen_texts_fall(prefer: Callable[..., Any]) -> None:
    with pytest.raises(TrainingCollapsed, match=r"Stopped at update \d+: the chosen texts have become less likely, by"):
        prefer(REDI(1.0), rate=30.0, precision="32-true")
    assert prefer(REDI(1.0, largest_fall=None), rate=30.0, precision="32-true", max_steps=3).steps


class SavedAfterOne(Callback):
    """Saves a run between its first two updates."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch.plan.closes_update and trainer.global_step == 1:
            assert pl_module.reference_point > 0
            trainer.save_checkpoint(self.path)


def test_a_resumed_run_is_the_uninterrupted_one(
    prefer: Callable[..., Any], tiny: Callable[..., Student], tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"rendering": Contrasts(mismatched=True), "micro_batches": 2, "precision": "32-true"}
    loss = KTO(0.5, largest_fall=50.0)

    def learn(**more: Any) -> Any:
        return prefer(loss, student=tiny(seed=8), **{"reference": tiny(seed=5), **settings, **more})

    path = tmp_path / "one.ckpt"
    whole, rest = learn(callbacks=[SavedAfterOne(path)]), learn(ckpt_path=path)
    assert rest.losses == whole.losses[1:]
    assert rest.module.guard.state_dict() == whole.module.guard.state_dict()
    for name, tensor in whole.module.state_dict().items():
        assert torch.equal(rest.module.state_dict()[name], tensor), name
    with pytest.raises(CheckpointMismatch, match="The checkpoint was compared with another reference"):
        learn(ckpt_path=path, reference=tiny(seed=6))


@pytest.mark.parametrize(
    ("preference", "rendering", "complaint"),
    [
        (DPO(), AnswerOnly(), "rendering's parts are answer. Needed are the parts chosen and rejected"),
        (DPO(), Contrasts(), r"DPO compares pairs, but \d+ of 13 lessons have more texts on one side"),
        (KTO(), Contrasts(), "KTO measures its reference point .* Needed is students.Contrasts with mismatched: true"),
        (DPO(reward_scale=-1.0), PAIRS, "DPO got reward_scale=-1.0"),
    ],
)
def test_lessons_and_settings_that_do_not_fit_are_refused(
    prefer: Callable[..., Any], preference: Preference, rendering: Rendering, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        prefer(preference, rendering)


def test_references_that_cannot_be_compared_with_are_refused(
    prefer: Callable[..., Any], tiny: Callable[..., Student]
) -> None:
    with pytest.raises(ConfigError, match="reference random-llama-2x16-seed0 has an adapter"):
        prefer(DPO(), reference=tiny(LoRA(rank=2)))
    with pytest.raises(ConfigError, match=r"is not used by this loss \(SimPO\)"):
        prefer(SimPO(), reference=tiny())
    other = Student(RandomWeights(hidden_size=16, layers=1, heads=2, tokenizer=CharacterTokenizer("0123456789+?")))
    with pytest.raises(ConfigError, match="has another vocabulary than the student"):
        prefer(DPO(), reference=other)
