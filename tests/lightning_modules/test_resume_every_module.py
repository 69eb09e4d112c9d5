"""Every module, trained by the command, killed as by `kill -9` and resumed in another process: each later batch, loss
and weight is equal to the bit to that of a run that nobody disturbed."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from diary import MOMENTS
from every_module import CASES, Case, data_of, write_lessons

from lightning_modules.callbacks import RunFolder
from lightning_modules.cli import train as command
from students import LoRA
from tutelage.settings import settings_of

pytestmark = pytest.mark.slow

UPDATES, MICRO_BATCHES = 6, 2  # of 26 lessons by 5: the last update has one, and a micro-batch without
SAVED_EVERY = 2
OTHERS = [name for name in CASES if name != "supervised"]  # of which test_resume.py is


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lessons(tmp_path_factory.mktemp("lessons"), passes=2)


@pytest.fixture
def train(folder: Path, run: Callable[..., str], tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Train with a diary, to the end in the test's own process, to death in another, and return what was written."""

    def start(case: Case, root: str, *arguments: str, **death: Any) -> list[dict[str, Any]]:
        diary = tmp_path / f"{root}-{len(death)}.jsonl"
        settings = settings_for(case, folder)
        settings["trainer"]["callbacks"] = [{"class_path": "diary.Diary", "init_args": {"path": str(diary), **death}}]
        if death:
            run(settings, tmp_path / root, *arguments, code=-signal.SIGKILL)
        else:
            settings["trainer"]["default_root_dir"] = str(tmp_path / root)
            config = tmp_path / f"{root}.yaml"
            config.write_text(yaml.safe_dump(settings))
            command(["fit", "--config", str(config), *arguments])
        return [json.loads(line) for line in diary.read_text(encoding="utf-8").splitlines()]

    return start


def settings_for(case: Case, folder: Path) -> dict[str, Any]:
    """Return a train.yaml with everything that has a state: dropout, Adam, a schedule, and what the module keeps."""
    model: Any = settings_of(case.module(folder, LoRA(rank=2, dropout=0.3)))
    data: Any = settings_of(data_of(case, folder, 5))
    optimizer = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}}
    model["init_args"] |= {"optimizer": optimizer, "schedule": {"class_path": "lightning_modules.Cosine"}}
    return {
        "trainer": {"accelerator": "cpu", "devices": 1, "accumulate_grad_batches": MICRO_BATCHES},
        "model": model,
        "data": data,
        "checkpoint": {"every_updates": SAVED_EVERY},
        "export": {"enabled": False},
    }


def differences(left: Any, right: Any, place: str = "") -> list[str]:
    """Name where two nested states differ in a bit."""
    if isinstance(left, dict) and isinstance(right, dict):
        names = left.keys() | right.keys()
        return [found for name in names for found in differences(left.get(name), right.get(name), f"{place}.{name}")]
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [found for k, (mine, other) in pairs for found in differences(mine, other, f"{place}[{k}]")]
    equal = torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right
    return [] if equal else [place]


def end_of(root: Path) -> dict[str, Any]:
    """Return a run's last checkpoint, all but the time it took."""
    found: dict[str, Any] = torch.load(RunFolder(root).checkpoint, weights_only=True)
    del found["callbacks"]["Progress"]["seconds"]
    return found


def logs_of(root: Path) -> list[Any]:
    """Return what a run wrote into its tables, all but the time it took."""
    folder = RunFolder(root)
    rows = [line.rsplit(",", 1)[0] for line in folder.progress.read_text(encoding="utf-8").splitlines()]
    return [rows, folder.figures.exists() and folder.figures.read_text(encoding="utf-8")]


@pytest.mark.parametrize(("name", "moment"), list(zip(OTHERS, cycle(MOMENTS), strict=False)))
def test_a_run_killed_at_any_moment_goes_on_to_the_last_bit(
    name: str, moment: str, train: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    case, saved = CASES[name], SAVED_EVERY * MICRO_BATCHES
    whole = train(case, "whole")
    assert len(whole) == UPDATES * MICRO_BATCHES
    dies_at = random.Random(name).randrange(saved, len(whole) - 2)
    first = train(case, "broken", dies_at=dies_at, moment=moment)
    assert saved <= len(first) <= len(whole)
    assert first == whole[: len(first)]
    rest = train(case, "broken", "--ckpt_path=last")
    assert 0 <= len(first) + len(rest) - len(whole) <= saved  # no more than that is done again
    assert rest == whole[-len(rest) :]
    assert logs_of(tmp_path / "broken") == logs_of(tmp_path / "whole")
    assert differences(end_of(tmp_path / "broken"), end_of(tmp_path / "whole")) == []
