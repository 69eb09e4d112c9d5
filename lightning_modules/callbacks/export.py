"""The trained student, as a folder that transformers loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from lessons.errors import ConfigError
from lessons.folders import refuse_foreign
from lightning_modules.callbacks.run_folder import RunFolder
from lightning_modules.sharding import gather_shards

__all__ = ["StudentExport"]


class StudentExport(Callback):
    """Writes student/ in the run folder when training is complete.

    Args:
        enabled: Whether to write it.
        folder: Where, relative to the run folder.
        adapter_folder: Where to write the adapter alone as well, relative to the run folder (see `students.Adapted`);
            None: nowhere.
    """

    def __init__(self, enabled: bool = True, folder: str = "student", adapter_folder: str | None = None) -> None:
        self.enabled = enabled
        self.folder = folder
        self.adapter_folder = adapter_folder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse, before training, to write an adapter of a student that has none, or over what is not ours.

        Raises:
            ConfigError: It has none, or something else lies there.
        """
        root = RunFolder.of(trainer).root
        for folder in (self.folder if self.enabled else None, self.adapter_folder):
            if folder is not None:
                refuse_own(root, folder)
                refuse_foreign(root / folder, replace_ours=True)
        student = getattr(pl_module, "student", None)
        if self.adapter_folder is not None and getattr(student, "adapter", None) is None:
            raise ConfigError(
                f"export.adapter_folder is {self.adapter_folder!r}, but the student has no adapter: all its weights "
                "are trained. Give it one (model.student.adapter), or leave out export.adapter_folder."
            )

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Export; Lightning has moved the model back to the CPU by now."""
        student = getattr(pl_module, "student", None)
        if not self.enabled or getattr(trainer, "fast_dev_run", False) or student is None:
            return
        gather_shards(student.model)
        if not trainer.is_global_zero:
            return
        root = RunFolder.of(trainer).root
        student.export(root / self.folder, provenance(trainer), replace_ours=True)
        if self.adapter_folder is not None:
            student.export_adapter(root / self.adapter_folder, replace_ours=True)


def refuse_own(root: Path, folder: str) -> None:
    """Refuse to export over the run itself: over its folder, its checkpoints or its logs.

    Raises:
        ConfigError: The folder is one of these, or holds the run.
    """
    place, run = (root / folder).resolve(), RunFolder(root.resolve())
    if place in (run.root, *run.root.parents, run.checkpoint.parent, run.progress.parent):
        raise ConfigError(
            f"The student would be written to {folder!r}, where the run itself keeps its files ({root}). Allowed is a "
            "folder of its own, such as 'student'. Correct export.folder or export.adapter_folder."
        )


def provenance(trainer: Trainer) -> dict[str, Any]:
    """Return where the student comes from, for its model card."""
    data: Any = getattr(trainer, "datamodule", None)
    facts = {
        "prompts": getattr(data, "prompts", None),
        "annotations": getattr(data, "annotations", None),
        "curriculum": getattr(data, "curriculum", None),
        "rendering": type(data.rendering).__name__ if hasattr(data, "rendering") else None,
        "data_fingerprint": data.state_dict().get("data") if data is not None else None,
        "updates": trainer.global_step,
    }
    return {name: value for name, value in facts.items() if value is not None}
