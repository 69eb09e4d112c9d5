"""FSDP2 in two real processes: the same training as in one, resumed exactly, exported whole."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules.callbacks import RunFolder
from students import Pretrained, Student

pytestmark = pytest.mark.slow

STRATEGY = {
    "class_path": "lightning.pytorch.strategies.ModelParallelStrategy",
    "init_args": {"data_parallel_size": 2, "tensor_parallel_size": 1, "save_distributed_checkpoint": False},
}


@pytest.fixture
def sharded(settings: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(settings)
    changed["trainer"] |= {"devices": 2, "strategy": copy.deepcopy(STRATEGY), "gradient_clip_val": 1.0}
    changed["model"]["optimizer"] = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}}
    return changed


def weights(root: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(RunFolder(root).checkpoint, weights_only=True)["state_dict"]
    return found


def norms(root: Path) -> list[float]:
    return [float(row.split(",")[5]) for row in RunFolder(root).progress.read_text().splitlines()[1:]]


def test_sharded_training_is_the_training_of_one_process_and_resumes_exactly(
    run: Any, sharded: dict[str, Any], tmp_path: Path
) -> None:
    alone = copy.deepcopy(sharded)
    alone["trainer"] |= {"devices": 1, "strategy": "auto"}
    one, two, broken = tmp_path / "one", tmp_path / "two", tmp_path / "broken"
    run(alone, one)
    run(sharded, two, "--trainer.accumulate_grad_batches=2")
    expected, found = weights(one), weights(two)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-5)
    assert norms(two) == pytest.approx(norms(one), rel=1e-3)
    exported = Student(Pretrained(str(RunFolder(two).student)), precision="float32").model.state_dict()
    for name, tensor in found.items():
        assert torch.equal(exported[name.removeprefix("model.")], tensor), name
    first = ["--trainer.accumulate_grad_batches=2", "--trainer.max_steps=3", "--export.enabled=false"]
    run(sharded, broken, *first)
    run(sharded, broken, "--trainer.accumulate_grad_batches=2", "--ckpt_path=last")
    again = weights(broken)
    assert all(torch.equal(again[name], tensor) for name, tensor in found.items())


def test_adapters_are_trained_on_sharded_weights(run: Any, sharded: dict[str, Any], tmp_path: Path) -> None:
    sharded["model"]["student"]["adapter"] = {"rank": 2}
    sharded["model"]["optimizer"] = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.05}}
    sharded["trainer"]["max_steps"] = 2  # gradients of the second depend on what the first made of the matrices B
    alone = copy.deepcopy(sharded)
    alone["trainer"] |= {"devices": 1, "strategy": "auto"}
    run(alone, tmp_path / "one")
    run(sharded, tmp_path / "two")
    expected = weights(tmp_path / "one")
    assert all("lora_" in name for name in expected)
    for name, tensor in weights(tmp_path / "two").items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-4, atol=1e-5)


REFUSED = {
    "tensor parallelism": (
        ["--trainer.strategy.data_parallel_size=1", "--trainer.strategy.tensor_parallel_size=2"],
        "Set strategy.init_args.data_parallel_size to 2 and tensor_parallel_size to 1",
    ),
    "a measure that runs the model": (
        ["--feedback.measures=[lightning_modules.ProbeLosses]"],
        "feedback.measures has ProbeLosses, which run the model between two updates",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_sharded_weights_do_not_allow_is_refused(
    launch: Any, sharded: dict[str, Any], tmp_path: Path, case: str
) -> None:
    arguments, message = REFUSED[case]
    process = launch(sharded, tmp_path / "run", *arguments)
    output, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert message in output
