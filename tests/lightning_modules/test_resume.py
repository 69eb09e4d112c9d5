from __future__ import annotations

import copy
import csv
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from curricula import EasyFirst, Given, plan
from lessons.lesson_set import LessonSet
from lightning_modules.callbacks import RunFolder

pytestmark = pytest.mark.slow


@pytest.fixture
def long(settings: dict[str, Any], round_folder: Path, tmp_path: Path) -> dict[str, Any]:
    """70 updates of 2 micro-batches, with dropout, a schedule, Adam's state and a worker that prepares ahead."""
    lessons = LessonSet.read(round_folder / "prompts.parquet", round_folder / "lessons.parquet", target="rationale")
    plan(lessons, [Given()], EasyFirst(), order_by="given_difficulty", passes=10).curriculum.write(tmp_path / "plan")
    changed = copy.deepcopy(settings)
    changed["data"] |= {"curriculum": str(tmp_path / "plan"), "lessons_per_update": 3, "workers": 1}
    changed["trainer"]["accumulate_grad_batches"] = 2
    changed["model"]["student"]["adapter"] = {"dropout": 0.3, "rank": 2}
    changed["model"] |= {"optimizer": "torch.optim.AdamW", "schedule": "lightning_modules.Cosine"}
    changed["checkpoint"] = {"every_updates": 3}
    return changed


def wait_for(lines: int, folder: RunFolder, process: Any) -> None:
    """Wait until so many updates are in the log."""
    path = folder.batches(0)
    while not path.exists() or path.read_text().count("\n") < lines:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.002)


def history(root: Path) -> tuple[str, list[dict[str, str]]]:
    rows = list(csv.DictReader(RunFolder(root).progress.read_text().splitlines()))
    for row in rows:
        row.pop("seconds")
    return RunFolder(root).batches(0).read_text(), rows


def flatten(state: Any, name: str = "") -> dict[str, Any]:
    if isinstance(state, dict):
        return {k: v for key, value in state.items() for k, v in flatten(value, f"{name}.{key}").items()}
    if isinstance(state, list | tuple):
        return {k: v for key, value in enumerate(state) for k, v in flatten(value, f"{name}.{key}").items()}
    return {name: state}


def test_a_run_killed_at_any_moment_goes_on_as_if_nothing_had_happened(
    launch: Any, run: Any, long: dict[str, Any], tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(long, whole)
    folder = RunFolder(broken)
    for lines in (8, 31):
        process = launch(long, broken, "--ckpt_path=last")  # "last" starts anew where there is none
        wait_for(lines, folder, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not folder.totals.exists()
    process = launch(long, broken, f"--ckpt_path={folder.checkpoint}")
    wait_for(50, folder, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 3, output
    assert "everything is saved" in output
    run(long, broken, f"--ckpt_path={folder.checkpoint}")

    assert history(broken) == history(whole)
    assert history(whole)[0].count("\n") == 70
    ends = [torch.load(RunFolder(root).checkpoint, weights_only=True) for root in (whole, broken)]
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        mine, other = (flatten(end[part]) for end in ends)
        assert mine.keys() == other.keys()
        for name, value in mine.items():
            assert torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name], name
    exports = [(RunFolder(root).student / "model.safetensors").read_bytes() for root in (whole, broken)]
    assert exports[0] == exports[1]


def test_a_finished_run_is_finished_when_resumed(run: Any, settings: dict[str, Any], tmp_path: Path) -> None:
    root = tmp_path / "run"
    run(settings, root)
    before = history(root), RunFolder(root).totals.read_text()
    (RunFolder(root).totals).unlink()  # as if killed just before the end
    run(settings, root, "--ckpt_path=last")
    assert (history(root), RunFolder(root).totals.read_text()) == before
