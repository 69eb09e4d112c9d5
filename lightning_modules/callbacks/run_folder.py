"""Where a run keeps what: one place for the names inside the trainer's `default_root_dir`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from lightning.pytorch import Trainer

from lessons.files import write_text

__all__ = ["RunFolder", "keep_lines"]


class RunFolder(NamedTuple):
    """The paths of one training run."""

    root: Path
    """The trainer's default_root_dir."""

    @classmethod
    def of(cls, trainer: Trainer) -> RunFolder:
        """Return the folder of a trainer."""
        return cls(Path(trainer.default_root_dir))

    @property
    def checkpoint(self) -> Path:
        """The checkpoint to resume from."""
        return self.root / "checkpoints" / "last.ckpt"

    @property
    def progress(self) -> Path:
        """One row an update: loss, learning rate, tokens, seconds."""
        return self.root / "logs" / "progress.csv"

    @property
    def totals(self) -> Path:
        """What the whole run amounts to; written when it is complete."""
        return self.root / "training.json"

    @property
    def student(self) -> Path:
        """The trained student, as a Hugging Face folder."""
        return self.root / "student"

    @property
    def figures(self) -> Path:
        """One line an update: what the module logs besides the loss."""
        return self.root / "logs" / "figures.jsonl"

    @property
    def feedback(self) -> Path:
        """One line for every time that the student was measured for its plan."""
        return self.root / "logs" / "feedback.jsonl"

    @property
    def history(self) -> Path:
        """What was measured of each lesson, a file for every time: curricula.History reads the folder."""
        return self.root / "logs" / "history"

    def batches(self, rank: int) -> Path:
        """The lessons of every micro-batch that a process trained."""
        return self.root / "logs" / f"batches-{rank}.jsonl"


def keep_lines(path: Path, count: int) -> None:
    """Cut a log back to its first lines: what a killed run wrote after its last checkpoint will be written again."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:count] if path.exists() else []
    write_text(path, "".join(lines))
