"""Training with packed sequences: the same gradients, the planned lessons, and an exact resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from curricula import Curriculum
from lessons.errors import Stopped
from lightning_modules import CurriculumDataModule, RandomState, SupervisedModule, UpdateCheckpoint
from lightning_modules.callbacks import RunFolder
from students import LoRA, RandomWeights, Student, TwoTask, split_model


class Ids(Callback):
    """Keeps the lessons of every update."""

    def __init__(self) -> None:
        self.updates: dict[int, list[str]] = {}

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.updates.setdefault(batch.plan.update, []).extend(batch.plan.lesson_ids)


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each batch was packed."""
    seen: list[bool] = []
    inner = split_model.pack

    def watched(*given: torch.Tensor) -> Any:
        found = inner(*given)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(split_model, "pack", watched)
    return seen


def student(packing: bool = True, dropout: float = 0.0) -> Student:
    adapter = LoRA(rank=2, dropout=dropout) if dropout else None
    return Student(RandomWeights(hidden_size=16, layers=2, heads=2), adapter, precision="float32", packing=packing)


def test_the_split_of_packed_updates_changes_no_gradient(fit: Callable[..., Any], packed: list[bool]) -> None:
    padded = fit(1, "64-true", rendering=TwoTask(), module=SupervisedModule(student(packing=False)), max_steps=3)
    assert not packed
    for micro_batches in (1, 2, 8):
        packed.clear()
        module = SupervisedModule(student())
        found = fit(micro_batches, "64-true", rendering=TwoTask(), module=module, max_steps=3)
        assert sum(packed[1:]) >= len(found.steps)  # the first is the model's own check
        assert found.losses == pytest.approx(padded.losses, rel=1e-9)
        for mine, other in zip(found.steps, padded.steps, strict=True):
            for name in other:
                torch.testing.assert_close(mine[name], other[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("micro_batches", "workers"), [(1, 0), (3, 2)])
def test_every_update_trains_the_lessons_of_the_plan(
    data: Callable[..., CurriculumDataModule],
    trainer: Callable[..., Any],
    round_folder: Path,
    tmp_path: Path,
    packed: list[bool],
    micro_batches: int,
    workers: int,
) -> None:
    seen = Ids()
    module = data(8, workers=workers, rendered=str(tmp_path / "tokens"), tokens_per_micro_batch=8 * 512)
    trainer(seen, accumulate_grad_batches=micro_batches).fit(SupervisedModule(student()), module)
    plan = list(Curriculum.read(round_folder).lesson_ids)
    spans = [plan[start : start + 8] for start in range(0, len(plan), 8)]
    assert [sorted(found) for found in seen.updates.values()] == [sorted(span) for span in spans]
    assert list(seen.updates) == list(range(len(spans)))
    assert any(packed[1:])


class StopAt(UpdateCheckpoint):
    """Saves and stops after an update."""

    def __init__(self, update: int) -> None:
        super().__init__()
        self.update = update

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch.plan.update == self.update:
            self.stop_requested = True


def test_a_packed_run_stopped_inside_the_plan_goes_on_bit_for_bit(
    data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any], tmp_path: Path, packed: list[bool]
) -> None:
    def train(stop: int, seed: int, checkpoint: Path | None = None) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        module, source = SupervisedModule(student(dropout=0.3)), data(6, rendered=str(tmp_path / "tokens"), workers=1)
        built = trainer(RandomState(), StopAt(stop), accumulate_grad_batches=2, enable_checkpointing=True)
        with pytest.raises(Stopped, match=f"Stopped after update {stop + 1}"):
            built.fit(module, source, ckpt_path=checkpoint, weights_only=True if checkpoint else None)
        RunFolder.of(built).checkpoint.rename(tmp_path / f"{stop}.ckpt")
        return {name: tensor.clone() for name, tensor in module.state_dict().items() if "lora" in name}

    whole = train(4, seed=1)
    half = train(1, seed=1)
    again = train(4, seed=2, checkpoint=tmp_path / "1.ckpt")
    assert sum(packed) > 5
    for name, tensor in whole.items():
        assert torch.equal(again[name], tensor), name
        assert not torch.equal(half[name], tensor)
