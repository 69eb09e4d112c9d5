"""One run at a time in a folder: two would write one another's checkpoints, logs and student."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lightning.pytorch import Callback, LightningModule, Trainer

from lessons.errors import ConfigError, StorageError
from lightning_modules.callbacks.run_folder import RunFolder

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["RunLock"]

log = logging.getLogger(__name__)


class RunLock(Callback):
    """Holds a lock on the run folder while a run is at work; the system takes it from a process that is killed."""

    def __init__(self) -> None:
        self.lock: BaseFileLock | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the lock, on the first process.

        Raises:
            ConfigError: Another run has it.
            StorageError: The folder cannot be written.
        """
        from filelock import FileLock, Timeout

        if not trainer.is_global_zero:
            return
        root = RunFolder.of(trainer).root
        try:
            root.mkdir(parents=True, exist_ok=True)
            self.lock = FileLock(root / ".lock", timeout=0)
            self.lock.acquire()
        except Timeout as error:
            raise ConfigError(
                f"Another run is at work in {root}: it holds {root / '.lock'}. Allowed is one run in a folder at a "
                "time. Wait for it or stop it, or give another --trainer.default_root_dir."
            ) from error
        except OSError as error:
            raise StorageError(
                f"Could not write into the run folder {root}: {error.strerror} (errno {error.errno}). Needed is a "
                "folder that can be written. Free space or permissions there, or give another "
                "--trainer.default_root_dir."
            ) from error
        except NotImplementedError:
            log.warning("The disk of %s knows no locks: see to it that only one run is at work there", root)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Let go of the lock at the end of a run."""
        if self.lock is not None:
            self.lock.release()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Let go of the lock of a run that ends early."""
        self.teardown(trainer, pl_module, "fit")
