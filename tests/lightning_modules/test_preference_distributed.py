"""Two processes train on preferences as one does, from the command line: reference, figures and z0 are shared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules import KTO, CurriculumDataModule, PreferenceModule
from lightning_modules.callbacks import RunFolder
from students import Contrasts, LoRA, RandomWeights, Student
from tests.lightning_modules.preference_round import write_round

TWO = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.accumulate_grad_batches=2"]


LOSS: dict[str, Any] = {"reward_scale": 0.5, "supervised_weight": 0.25, "largest_fall": 50.0}


@pytest.mark.slow
def test_two_processes_train_the_model_that_one_trains(
    run: Any, settings: dict[str, Any], trainer: Callable[..., Any], tmp_path: Path
) -> None:
    folder = write_round(tmp_path / "round")
    student = {**settings["model"]["student"], "adapter": {"rank": 2}}
    settings["model"] = {
        "class_path": "lightning_modules.PreferenceModule",
        "init_args": {
            "student": student,
            "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.5, "weight_decay": 0.0}},
            "preference": {
                "class_path": "lightning_modules.KTO",
                "init_args": LOSS,
            },
        },
    }
    settings["data"] = {
        "prompts": str(folder / "prompts.parquet"),
        "annotations": str(folder / "lessons.parquet"),
        "curriculum": str(folder),
        "rendering": {"class_path": "students.Contrasts", "init_args": {"mismatched": True}},
        "lessons_per_update": 4,
    }
    output = run(settings, tmp_path / "two", "--trainer.precision=64-true", *TWO)
    assert "Computed the reference's log-probabilities of " in output
    assert "each mean over all its texts (tokens) of an update" in output
    found = torch.load(RunFolder(tmp_path / "two").checkpoint, weights_only=True)

    def descent(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=0.5)

    weights = RandomWeights(hidden_size=16, layers=2, heads=2)
    module = PreferenceModule(Student(weights, LoRA(rank=2), "float32"), KTO(**LOSS), optimizer=descent)
    data = CurriculumDataModule(
        settings["data"]["prompts"],
        Contrasts(mismatched=True),
        settings["data"]["annotations"],
        str(folder),
        lessons_per_update=4,
    )
    trainer(precision="64-true").fit(module, data)
    for name, tensor in found["state_dict"].items():
        torch.testing.assert_close(tensor, module.state_dict()[name], rtol=1e-9, atol=1e-12)
    shared = found["preference"]
    assert shared["reference_point"] == pytest.approx(module.reference_point, rel=1e-9)
    assert shared["guard"] == pytest.approx(module.guard.state_dict(), rel=1e-9)
