from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from outspoken import pupil, teacher

from lightning_modules import (
    AdaptiveShare,
    OnPolicyDistillation,
    ProbeLosses,
    Replay,
    Sampling,
    SkewReverseKL,
)


class SaveAll(Callback):
    """Saves a checkpoint after every update."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch.plan.closes_update:
            trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


def distil(trainer: Any, data: Any, folder: Path, start: Path | None = None, **settings: Any) -> dict[str, Any]:
    """Train with all that has a state, in float64, and return the last checkpoint."""
    module = OnPolicyDistillation(
        pupil(), teacher(), SkewReverseKL(),
        Sampling(max_new_tokens=8, samples=2, replay=Replay(capacity=30, oldest_updates=4, anew="half")),
        AdaptiveShare(ProbeLosses(4), "probe_loss", every_updates=2, start=0.7, tolerance=0.0),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.05),
    )  # fmt: skip
    built = trainer(SaveAll(folder), precision="64-true", accumulate_grad_batches=2, **settings)
    built.fit(module, data(7), ckpt_path=start, weights_only=True)  # a lesson comes again after three updates
    return torch.load(folder / "6.ckpt", weights_only=True)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_two_processes_sample_and_train_as_one_and_resume_exactly(trainer: Any, data: Any, tmp_path: Path) -> None:
    two = {"devices": 2, "strategy": "ddp_fork"}  # forked: nothing is imported again
    one = distil(trainer, data, tmp_path / "one")
    both = distil(trainer, data, tmp_path / "both", **two)
    again = distil(trainer, data, tmp_path / "again", tmp_path / "both" / "3.ckpt", **two)
    shares = [end["sampling"]["share"] for end in (one, both, again)]
    assert shares[1] == shares[2]
    assert shares[0]["value"] == shares[1]["value"] > 0.7
    assert shares[0]["compared"] == pytest.approx(shares[1]["compared"], rel=1e-9)
    kept = one["sampling"]["replay"]
    assert len(set(kept["updates"].tolist())) > 3
    for other in (both, again):
        for name in ("places", "updates", "lengths", "tokens", "truncated"):
            assert torch.equal(kept[name], other["sampling"]["replay"][name]), name
    for name, tensor in one["state_dict"].items():
        torch.testing.assert_close(both["state_dict"][name], tensor, rtol=1e-9, atol=1e-11)
        assert torch.equal(again["state_dict"][name], both["state_dict"][name]), name
