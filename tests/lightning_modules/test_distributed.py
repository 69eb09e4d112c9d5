from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from curricula import Curriculum
from lightning_modules.callbacks import RunFolder

pytestmark = pytest.mark.slow

TWO = [
    "--trainer.devices=2",
    "--trainer.strategy=ddp",
    "--trainer.accumulate_grad_batches=2",
    "--data.init_args.workers=1",
]
EXACT = ["--trainer.precision=64-true"]


def updates(root: Path, rank: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in RunFolder(root).batches(rank).read_text().splitlines()]


def test_two_processes_train_the_same_model_in_the_planned_order(
    run: Any, settings: dict[str, Any], round_folder: Path, tmp_path: Path
) -> None:
    """With accumulation, a worker each, tokens rendered once for both, and packed micro-batches of two lessons."""
    one, two, tokens = tmp_path / "one", tmp_path / "two", tmp_path / "tokens"
    run(settings, one, *EXACT)
    output = run(settings, two, *EXACT, *TWO, f"--data.init_args.rendered={tokens}")
    assert "cannot be packed" not in output
    assert output.count("Rendering 21 lessons") <= 1
    assert len([folder for folder in tokens.iterdir() if folder.is_dir()]) == 1

    plan = list(Curriculum.read(round_folder).lesson_ids)
    spans = [plan[start : start + 8] for start in range(0, len(plan), 8)]
    ranks = [updates(two, rank) for rank in range(2)]
    for k, span in enumerate(spans):
        for rank in range(2):
            found = ranks[rank][k]
            assert len(found["micro_batches"]) == 2  # the last update has 2 lessons: half of them are empty
            assert sorted(name for piece in found["micro_batches"] for name in piece) == sorted(span[rank::2])
    losses = [[line["loss"] for line in log] for log in (updates(one, 0), *ranks)]
    assert losses[1] == losses[2] == pytest.approx(losses[0], rel=1e-9)

    # Plain gradient descent: equal weights after six updates means equal gradients in each.
    weights = [torch.load(RunFolder(root).checkpoint, weights_only=True)["state_dict"] for root in (one, two)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=1e-9, atol=1e-11)
    totals = [json.loads(RunFolder(root).totals.read_text()) for root in (one, two)]
    for name in ("updates", "lessons", "processed_tokens", "supervised_tokens"):
        assert totals[0][name] == totals[1][name] > 0
