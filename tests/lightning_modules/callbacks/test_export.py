from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lessons.errors import ConfigError
from lightning_modules import StudentExport, SupervisedModule
from students import Student


@pytest.mark.parametrize("folder", [".", "checkpoints", "logs", "..", "student/../checkpoints"])
def test_the_places_of_the_run_itself_are_refused_before_training(
    tiny: Callable[..., Student], tmp_path: Path, folder: str
) -> None:
    trainer: Any = SimpleNamespace(default_root_dir=tmp_path / "run")
    with pytest.raises(
        ConfigError, match=r"would be written to .* where the run itself keeps .* Correct export\.folder"
    ):
        StudentExport(folder=folder).setup(trainer, SupervisedModule(tiny()), "fit")


def test_a_folder_of_somebody_elses_is_refused_before_training_and_one_of_ours_is_not(
    tiny: Callable[..., Student], tmp_path: Path
) -> None:
    trainer: Any = SimpleNamespace(default_root_dir=tmp_path)
    (tmp_path / "student").mkdir()
    export, module = StudentExport(), SupervisedModule(tiny())
    export.setup(trainer, module, "fit")
    (tmp_path / "student" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"student exists already and is not overwritten .* Give another path"):
        export.setup(trainer, module, "fit")
    StudentExport(enabled=False).setup(trainer, module, "fit")
    (tmp_path / "student" / "tutelage.json").write_text("{}")
    export.setup(trainer, module, "fit")
