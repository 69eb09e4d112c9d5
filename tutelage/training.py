"""Training as a step: write the config of a run, start it as a process of its own, go on from its last checkpoint."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from lessons.errors import BadInput, Stopped, TutelageError
from lessons.files import write_text
from students.student import Student
from tutelage.course import Arm, Training
from tutelage.processes import PARENT_VARIABLE
from tutelage.settings import JSON, settings_of

__all__ = ["TRAINING_OUTPUTS", "TrainingFailed", "TrainingRefused", "refusal_of", "run_training", "train_config"]

TRAINING_OUTPUTS = ("student", "training.json", "checkpoints", "logs")


class TrainingFailed(TutelageError, RuntimeError):
    """A training process ended with an error. Its own message stands above; run again to go on from its checkpoint."""


class TrainingRefused(BadInput):
    """A training process refused its config or its data. Its own message stands above."""


def train_config(
    student: Student, arm: Arm, settings: Training, round_folder: Path, name: str, annotated: bool, seed: int
) -> dict[str, JSON]:
    """Return the content of an arm's train.yaml, as `tutelage train fit --config` reads it.

    Args:
        student: Who learns, with the weights this round starts from.
        arm: The way of teaching.
        settings: The arm's training settings.
        round_folder: The round's folder; the paths of data and results are made from it.
        name: The arm's name, and its folder in the round's.
        annotated: Whether the round has annotations.
        seed: Seed of everything random in the run.
    """
    folder = round_folder / name
    module: dict[str, JSON] = {"student": settings_of(student), "optimizer": settings_of(settings.optimizer)}
    if settings.schedule is not None:
        module["schedule"] = settings_of(settings.schedule)
    data: dict[str, JSON] = {
        "prompts": str(round_folder / "prompts.parquet"),
        "annotations": str(round_folder / "lessons.parquet") if annotated else None,
        "curriculum": str(folder),
        "rendering": settings_of(arm.rendering),
        "target": arm.target,
        "targets_per_prompt": arm.targets_per_prompt,
        "trusted_only": arm.trusted_only,
        "lessons_per_update": settings.lessons_per_update,
        "max_tokens": settings.max_tokens,
        **settings.data,
    }
    config = {
        "seed_everything": seed,
        "model": {
            "class_path": settings.module.get("class_path", "lightning_modules.SupervisedModule"),
            # The parser fills in all arguments of a module named by its class: the course's own go over its defaults.
            "init_args": {**module_settings(settings.module), **module},
        },
        "data": {"class_path": "lightning_modules.CurriculumDataModule", "init_args": data},
        "trainer": {
            "default_root_dir": str(folder),
            "accumulate_grad_batches": settings.micro_batches,
            **settings.trainer,
        },
        "checkpoint": dict(settings.checkpoint),
        **({"feedback": dict(settings.feedback)} if settings.feedback else {}),
    }
    return cast("dict[str, JSON]", settings_of(config))  # parts that the parser has read are written out again


def run_training(config: dict[str, JSON], folder: Path) -> None:
    """Train as `python -m tutelage train fit --config <folder>/train.yaml` and wait for the end.

    Args:
        config: The content of train.yaml.
        folder: The arm's folder; a checkpoint in its `checkpoints` is gone on from.

    Raises:
        TrainingRefused: The settings or the data cannot be used.
        TrainingFailed: The process ended with an error.
        Stopped: It was stopped.
    """
    path = folder / "train.yaml"
    write_text(path, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    command = [sys.executable, "-m", "tutelage", "train", "fit", "--config", str(path), "--ckpt_path", "last"]
    environment = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
    with subprocess.Popen(command, env=environment) as process:
        try:
            code = process.wait()
        except BaseException:  # a stop: the run saves its checkpoint and ends
            process.terminate()
            process.wait()
            raise
    explain(code, " ".join(command))


def module_settings(module: Mapping[str, Any]) -> dict[str, JSON]:
    """Return the init_args of a module given with its class_path, or by its init_args alone."""
    given = (module.get("init_args") or {}) if "class_path" in module else dict(module)
    return cast("dict[str, JSON]", settings_of(given))


def refusal_of(config: dict[str, JSON]) -> str | None:
    """Let the training command read a config, in a process of its own, without training; return what it refuses."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
        file.flush()
        command = [sys.executable, "-m", "tutelage", "train", "fit", "--config", file.name, "--print_config"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"It ended with exit code {done.returncode}."])[-1]


def explain(code: int, command: str) -> None:
    """Turn the exit code of a training process into an error."""
    if code == 0:
        return
    again = f"The command was: {command}"
    if code == 3:
        raise Stopped(f"Training was stopped, with a checkpoint. Run the same command again to go on from it. {again}")
    if code == 2:
        raise TrainingRefused(f"Training refused its settings or data; its own message stands above. {again}")
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    raise TrainingFailed(
        f"Training {how}; if it said why, that stands above. Once the cause is mended, run the same command again to "
        f"go on from the last checkpoint. {again}"
    )
