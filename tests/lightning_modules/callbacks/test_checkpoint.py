from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from lessons.errors import ConfigError, Stopped, StorageError, TrainingCollapsed
from lightning_modules import BatchLog, CurriculumDataModule, RandomState, SupervisedModule, UpdateCheckpoint
from lightning_modules.callbacks import Progress, RunFolder, StudentExport
from lightning_modules.callbacks.checkpoint import StagedCheckpointIO
from students import Student


class SignalAt(Callback):
    """Sends this process a signal in the middle of an update."""

    def __init__(self, number: int, micro_batch: int) -> None:
        self.number, self.micro_batch = number, micro_batch

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == self.micro_batch:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_an_update_finishes_it_saves_and_stops(
    tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any], number: int
) -> None:
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    built = trainer(
        SignalAt(number, 5), BatchLog(True), UpdateCheckpoint(), accumulate_grad_batches=4, enable_checkpointing=True
    )
    with pytest.raises(Stopped, match=r"Stopped after update 2; everything is saved in .*last\.ckpt.*--ckpt_path last"):
        built.fit(SupervisedModule(tiny()), data())
    assert torch.load(RunFolder.of(built).checkpoint, weights_only=True)["global_step"] == 2
    assert RunFolder.of(built).batches(0).read_text().count("\n") == 2
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_second_interrupt_stops_at_once_but_a_termination_after_one_does_not() -> None:
    callback = UpdateCheckpoint()
    callback.request_stop(signal.SIGINT, None)
    callback.request_stop(signal.SIGTERM, None)
    assert callback.stop_requested
    with pytest.raises(KeyboardInterrupt):
        callback.request_stop(signal.SIGINT, None)


def test_checkpoints_by_the_clock_fall_between_updates(
    tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]
) -> None:
    saved = []

    class Watched(UpdateCheckpoint):
        def save(self, trainer: Any) -> None:
            saved.append(trainer.fit_loop.total_batch_idx + 1)
            super().save(trainer)

    built = trainer(Watched(every_minutes=0.0), accumulate_grad_batches=4, enable_checkpointing=True)
    built.fit(SupervisedModule(tiny()), data())
    assert saved == [4, 8, 12, 16, 20, 24]
    assert [path.name for path in RunFolder.of(built).checkpoint.parent.iterdir()] == ["last.ckpt"]


def test_a_checkpoint_every_zero_updates_is_refused(
    tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]
) -> None:
    with pytest.raises(ConfigError, match=r"every_updates is 0\. Allowed is 1 or more"):
        trainer(UpdateCheckpoint(every_updates=0), enable_checkpointing=True).fit(SupervisedModule(tiny()), data())


def test_a_full_disk_is_an_error_of_the_disk_and_leaves_the_last_checkpoint(
    tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]
) -> None:
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)

    class FullAfterTwo(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, whole[1]))

    built = trainer(FullAfterTwo(), UpdateCheckpoint(every_updates=1), enable_checkpointing=True)
    try:
        with pytest.raises(StorageError, match=r"Could not write .*last\.ckpt: .* What was there before is untouched"):
            built.fit(SupervisedModule(tiny()), data())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, whole)
    path = RunFolder.of(built).checkpoint
    assert torch.load(path, weights_only=True)["global_step"] == 2
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_left_of_a_checkpoint_is_cleared_away(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left, at_work = (tmp_path / f".last.ckpt.{pid}.partial" for pid in (dead.pid, os.getppid()))
    for path in (left, at_work):
        path.write_bytes(b"half")
    StagedCheckpointIO().save_checkpoint({"a": 1}, tmp_path / "last.ckpt")
    assert set(tmp_path.iterdir()) == {tmp_path / "last.ckpt", at_work}


class Breaks(Callback):
    """Spoils the weights after an update."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.after:
            next(pl_module.parameters()).data.fill_(torch.nan)


def test_a_run_without_a_finite_loss_ends_and_leaves_checkpoint_and_student_as_they_were(
    tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Any]
) -> None:
    built = trainer(Breaks(after=3), Progress(), StudentExport(), UpdateCheckpoint(2), enable_checkpointing=True)
    with pytest.raises(
        TrainingCollapsed, match=r"collapsed by update 4: .*progress\.csv shows.* is from before\. Lower"
    ):
        built.fit(SupervisedModule(tiny()), data())
    folder = RunFolder.of(built)
    saved = torch.load(folder.checkpoint, weights_only=True)
    assert saved["global_step"] == 2
    assert all(tensor.isfinite().all() for tensor in saved["state_dict"].values())
    assert not folder.student.exists()
    assert [line.split(",")[4] for line in folder.progress.read_text().splitlines()[4:]] == ["nan"]


def test_a_collapse_between_two_checkpoints_is_seen_by_the_clock(
    tiny: Callable[..., Student],
    data: Callable[..., CurriculumDataModule],
    trainer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lightning_modules.callbacks.finite.SECONDS_BETWEEN_LOOKS", 0.0)
    built = trainer(Breaks(after=2), UpdateCheckpoint(), enable_checkpointing=True)
    with pytest.raises(TrainingCollapsed, match=r"collapsed by update 3: .* There is no checkpoint yet"):
        built.fit(SupervisedModule(tiny()), data())


def test_random_states_go_through_a_file_that_holds_weights_only(tmp_path: Any) -> None:
    import random

    import numpy as np

    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    random.gauss(0, 1)
    np.random.randn()
    torch.save(RandomState().state_dict(), tmp_path / "state")
    expected = draw()
    restored = RandomState()
    restored.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    draw()
    restored.on_train_batch_start(type("Trainer", (), {"global_rank": 0})(), None, None, 0)
    assert draw() == expected
