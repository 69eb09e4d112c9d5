from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from lightning_modules import GroupAdvantage, SupervisedModule, UpdateCheckpoint, VerifiedModule
from lightning_modules.callbacks import Figures, RunFolder


def lines(root: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in RunFolder(root).figures.read_text().splitlines()]


class Killed(Callback):
    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
        if index == 3:
            raise ZeroDivisionError("killed")


def test_every_update_has_its_line_also_after_a_kill(tiny: Any, groups: Any, trainer: Any, tmp_path: Path) -> None:
    def run(root: Path, *callbacks: Callback, **settings: Any) -> None:
        module = VerifiedModule(tiny(), GroupAdvantage(), optimizer=lambda p: torch.optim.SGD(p, lr=1.0))
        built = trainer(
            Figures(), *callbacks, UpdateCheckpoint(every_updates=2), default_root_dir=root, enable_checkpointing=True
        )
        built.fit(module, groups(3), **settings)

    run(tmp_path / "whole")
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "broken", Killed())
    assert len(lines(tmp_path / "broken")) == 3  # one more than the checkpoint knows
    run(tmp_path / "broken", ckpt_path=RunFolder(tmp_path / "broken").checkpoint)
    found = lines(tmp_path / "whole")
    assert lines(tmp_path / "broken") == found
    assert [line["update"] for line in found] == [1, 2, 3, 4, 5]
    assert all({"loss", "reward", "ratio", "ratio_spread", "clipped"} < line.keys() for line in found)
    assert found[0]["ratio"] == pytest.approx(1.0)
    assert found[-1]["ratio"] != found[0]["ratio"]


def test_a_module_that_logs_its_loss_alone_leaves_no_file(tiny: Any, data: Any, trainer: Any, tmp_path: Path) -> None:
    trainer(Figures(), max_steps=1, default_root_dir=tmp_path).fit(SupervisedModule(tiny()), data(8))
    assert not RunFolder(tmp_path).figures.exists()


class Now(SupervisedModule):
    """Logs another figure in every other update."""

    def close_update(self) -> None:
        super().close_update()
        self.log("even" if self.trainer.global_step % 2 else "odd", float(self.trainer.global_step + 1), batch_size=1)


def test_a_line_has_what_its_update_logged_and_nothing_from_before(
    tiny: Any, data: Any, trainer: Any, tmp_path: Path
) -> None:
    root = tmp_path / "run"
    for settings in ({"max_steps": 3}, {"max_steps": 5, "ckpt_path": RunFolder(root).checkpoint}):
        path = settings.pop("ckpt_path", None)
        built = trainer(Figures(), UpdateCheckpoint(), default_root_dir=root, enable_checkpointing=True, **settings)
        built.fit(Now(tiny()), data(8), ckpt_path=path)
    found = [{name: value for name, value in line.items() if name != "loss"} for line in lines(root)]
    assert found == [{"update": k, "even" if k % 2 == 0 else "odd": float(k)} for k in range(1, 6)]
