"""Training as a step: the config of a run, as a process of its own, which goes on from its last checkpoint."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from students.student import Student
from tutelage.arms import Arm, Training
from tutelage.child import run_child
from tutelage.settings import JSON, settings_of

__all__ = ["TRAINING_OUTPUTS", "refusal_of", "run_training", "train_config"]

TRAINING_OUTPUTS = ("student", "training.json", "checkpoints", "logs")


def train_config(
    student: Student,
    arm: Arm,
    settings: Training,
    round_folder: Path,
    name: str,
    annotated: bool,
    seed: int,
    logits: Path | None = None,
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
        logits: The stored logits that the arm's module learns from; None without.
    """
    folder = round_folder / name
    module: dict[str, JSON] = {"student": settings_of(student), "optimizer": settings_of(settings.optimizer)}
    if settings.schedule is not None:
        module["schedule"] = settings_of(settings.schedule)
    if logits is not None:
        module["teacher"] = {"class_path": "students.LogitStore", "init_args": {"path": str(logits)}}
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
        **({"export": {"adapter_folder": settings.adapter_folder}} if settings.adapter_folder else {}),
        **({"feedback": dict(settings.feedback)} if settings.feedback else {}),
    }
    return cast("dict[str, JSON]", settings_of(config))  # parts that the parser has read are written out again


def run_training(config: dict[str, JSON], folder: Path) -> None:
    """Train as `python -m tutelage train fit --config <folder>/train.yaml` and wait for the end.

    Args:
        config: The content of train.yaml.
        folder: The arm's folder; a checkpoint in its `checkpoints` is gone on from.

    Raises:
        WorkRefused: The settings or the data cannot be used.
        WorkFailed: The process ended with an error.
        Stopped: It was stopped.
    """
    run_child("Training", ["train", "fit"], config, folder / "train.yaml", "--ckpt_path", "last")


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
