"""The command line of training: LightningCLI with the defaults that exact, resumable runs need."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from jsonargparse import ArgumentError
from jsonargparse._deprecated import JsonargparseDeprecationWarning
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.trainer.states import TrainerStatus

from lessons.errors import ConfigError, DataError, Stopped
from lessons.files import write_text
from lessons.setting_texts import keep_comments_as_texts
from lightning_modules.callbacks import (
    BatchLog,
    CurriculumFeedback,
    Figures,
    Progress,
    RandomState,
    RunFolder,
    RunLock,
    StudentExport,
    UpdateCheckpoint,
)

__all__ = ["TutelageCLI", "train"]

keep_comments_as_texts()

TRAINER_DEFAULTS: dict[str, Any] = {
    "default_root_dir": "runs/train",
    "max_epochs": 1,  # the plan holds its passes
    "gradient_clip_val": 1.0,
    "logger": False,  # logs/progress.csv is always written; any Lightning logger can be added
    "enable_model_summary": False,
    "use_distributed_sampler": False,  # the curriculum's sampler already splits over processes
}
# What `model:` and `data:` mean in a config that names no class_path.
MODULE, DATA_MODULE = "lightning_modules.SupervisedModule", "lightning_modules.CurriculumDataModule"


class SettingsFile(SaveConfigCallback):
    """Writes config.yaml, the settings as understood, once training starts.

    Lightning's own writes it before the checkpoint is read: a resume that is refused would take the place of the
    settings that are to be restored.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write nothing yet."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file, whole or not at all."""
        if trainer.is_global_zero:
            text = self.parser.dump(self.config, skip_none=False)
            write_text(RunFolder.of(trainer).root / self.config_filename, text)


class TutelageCLI(LightningCLI):
    """LightningCLI for curricula: `fit` only, any module and data module by class_path."""

    def __init__(self, args: list[str]) -> None:
        super().__init__(
            save_config_callback=SettingsFile,
            trainer_defaults={**TRAINER_DEFAULTS, "callbacks": [RunLock(), RandomState(), Progress(), Figures()]},
            seed_everything_default=0,
            # Errors come back as exceptions: jsonargparse would print a page of usage above each.
            parser_kwargs={"prog": "tutelage train", "exit_on_error": False, "fit": {"exit_on_error": False}},
            args=args,
            auto_configure_optimizers=False,
            # Stored hyper-parameters would be parsed over the config at a resume, silently (Lightning #21262); the
            # module checks instead that both are the same.
            load_from_checkpoint_support=False,
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the only subcommand: exams are sat by `tutelage evaluate`."""
        return {"fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule", "weights_only"}}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the callbacks that every run has, with their settings as top-level keys."""
        parser.set_defaults({"model": {"class_path": MODULE}, "data": {"class_path": DATA_MODULE}})
        parser.add_lightning_class_args(CurriculumFeedback, "feedback")
        parser.add_lightning_class_args(UpdateCheckpoint, "checkpoint")
        parser.add_lightning_class_args(StudentExport, "export")
        parser.add_lightning_class_args(BatchLog, "batch_log")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse what `train` was given, not `sys.argv`, which belongs to the command around it.

        `sys.argv` stays as it is: Lightning starts the other processes of a run with it.
        """
        try:
            self.config = parser.parse_args(args)  # type: ignore[arg-type]
        except ArgumentError as error:
            raise ConfigError(
                f"The training settings cannot be used. {error}\n"
                "Correct the setting named above; `tutelage train fit --help` lists what is allowed."
            ) from error

    def _parse_ckpt_path(self) -> None:
        """Leave the config as it was given (see `load_from_checkpoint_support` above)."""

    def before_instantiate_classes(self) -> None:
        """Find the checkpoint, refuse to overwrite a run, and choose how progress is shown."""
        config = self.config.fit
        folder = RunFolder(Path(config.trainer.default_root_dir))
        refuse_file(folder.root)
        config.ckpt_path = find_checkpoint(config.ckpt_path, folder)
        if config.ckpt_path is None:
            refuse_overwriting(folder)
        if config.trainer.enable_progress_bar is None:
            config.trainer.enable_progress_bar = sys.stderr.isatty()

    def after_instantiate_classes(self) -> None:
        """Tell the module its settings: a checkpoint carries them, and a resume compares them."""
        self._dump_config()
        if hasattr(self.model, "settings"):
            self.model.settings = self.config_dump["model"]

    def fit(self, **arguments: Any) -> None:
        """Run the trainer; a Ctrl-C is a stop, where Lightning would end the process as failed."""
        try:
            self.trainer.fit(**arguments)
        except SystemExit as error:
            if self.trainer.state.status != TrainerStatus.INTERRUPTED:
                raise
            raise Stopped(
                "Stopped in the middle of an update, or before the first. The last checkpoint is kept: "
                "run the same command again with --ckpt_path last to go on from it."
            ) from error


def find_checkpoint(given: Any, folder: RunFolder) -> str | None:
    """Return the path of the checkpoint to resume from, or None to start; "last" means the run's own, if there is one.

    Raises:
        DataError: The file does not exist.
    """
    if given is None or (str(given) == "last" and not folder.checkpoint.exists()):
        return None
    path = folder.checkpoint if str(given) == "last" else Path(str(given))
    if not path.exists():
        raise DataError(
            f"No checkpoint at {path}. Allowed is the path of a checkpoint, or 'last' for {folder.checkpoint}. "
            "Correct --ckpt_path, or leave it out to start."
        )
    if not (any(path.iterdir()) if path.is_dir() else is_zipfile(path)):  # sharded ones are folders
        raise DataError(
            f"{path} is no checkpoint that can be read: it is damaged, cut off or another sort of file. Allowed is a "
            "file that training wrote, such as checkpoints/last.ckpt. Give another --ckpt_path, copy the file again, "
            "or leave it out to start anew in another folder."
        )
    return str(path)


def refuse_file(root: Path) -> None:
    """Refuse a run folder that is a file, or lies in one.

    Raises:
        ConfigError: It is.
    """
    found = next((place for place in (root, *root.parents) if place.exists()), root)
    if found.exists() and not found.is_dir():
        raise ConfigError(
            f"trainer.default_root_dir is {root}, but {found} is a file. Allowed is a folder, there already or not. "
            "Give another --trainer.default_root_dir."
        )


def refuse_overwriting(folder: RunFolder) -> None:
    """Refuse to start in a folder that holds another run's work.

    Raises:
        ConfigError: It does.
    """
    found = [path for path in (folder.checkpoint, folder.totals, folder.student) if path.exists()]
    if found:
        raise ConfigError(
            f"{folder.root} already holds a run ({', '.join(path.name for path in found)}), which a new one would "
            "overwrite. Allowed is an empty folder, or a resume. Go on with --ckpt_path last, or give another "
            "--trainer.default_root_dir."
        )


def train(args: list[str]) -> None:
    """Train a student: `train(["fit", "--config", "train.yaml"])`.

    Raises:
        BadInput: The settings or files cannot be used.
        Stopped: Somebody asked to stop; everything is saved.
    """
    for name in ("lightning_modules", "students"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)  # what is trained, in which precision and why, how the loss is normalised
        if not logger.hasHandlers():
            logger.addHandler(logging.StreamHandler())
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)  # no advertisements, no list of absent accelerators
    with warnings.catch_warnings():
        # Lightning 2.6 calls the parser's instantiate_classes, which jsonargparse 4.53 renames (hence the pin below 5).
        warnings.filterwarnings("ignore", category=JsonargparseDeprecationWarning)
        # Lightning 2.6 builds its trees of loaders with a class that torch 2.13 deprecates.
        warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
        try:
            TutelageCLI(args)
        except MisconfigurationException as error:
            raise ConfigError(
                f"Lightning cannot work with these settings: {error}\n"
                "Correct what it names, under `trainer` or `model`; `tutelage train fit --help` lists what is allowed."
            ) from error
