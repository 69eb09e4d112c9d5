"""A small round on disk, a tiny student, and trainers that keep what the tests look at."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer

from curricula import EasyFirst, Given, plan
from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Attempt, Grade, Message, Prompt, Provenance
from lessons.tables import write_annotations, write_attempts, write_prompts
from lightning_modules import CurriculumDataModule, SupervisedModule
from students import AnswerGroups, LoRA, RandomWeights, RationaleThenAnswer, Rendering, Student
from tests.forked import Forker, Process

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))  # plans name the tests' own mixture (hearing.py) by its import path
SOURCE = Provenance(teacher="Recorded", model="none", template="rationale/1", request_key="none")


class Gradients(Callback):
    """Keeps the gradients and the loss of every update."""

    def __init__(self) -> None:
        self.steps: list[dict[str, torch.Tensor]] = []
        self.losses: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Any) -> None:
        found = {name: p.grad for name, p in pl_module.named_parameters() if p.grad is not None}
        self.steps.append({name: grad.detach().clone() for name, grad in found.items()})
        self.losses.append(float(pl_module.update_loss))


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def round_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """21 lessons with rationales of very different lengths, and a plan of two passes, easy first."""
    folder = tmp_path_factory.mktemp("round")
    draw = random.Random(7)
    prompts, annotations = [], []
    for number in range(21):
        a, b = draw.randint(1, 99), draw.randint(1, 99)
        steps = draw.choice([0, 1, 2, 5, 12, 30])
        prompts.append(
            Prompt(f"p{number}", (Message("user", f"{a}+{b}?"),), reference=str(a + b), difficulty=float(a + b))
        )
        text = "So. " + "go on. " * steps
        annotations.append(Annotation(f"p{number}", "rationale", 0, text.strip(), SOURCE, answer=str(a + b)))
    write_prompts(folder / "prompts.parquet", prompts)
    write_annotations(folder / "lessons.parquet", annotations)
    lessons = LessonSet.read(folder / "prompts.parquet", folder / "lessons.parquet", target="rationale")
    plan(lessons, [Given()], EasyFirst(), order_by="given_difficulty", passes=2).curriculum.write(folder)
    return folder


@pytest.fixture
def tiny() -> Callable[..., Student]:
    def build(adapter: LoRA | None = None, seed: int = 0, tie_embeddings: bool = True) -> Student:
        weights = RandomWeights(hidden_size=16, layers=2, heads=2, seed=seed, tie_embeddings=tie_embeddings)
        return Student(weights, adapter=adapter, precision="float32")

    return build


@pytest.fixture
def data(round_folder: Path) -> Callable[..., CurriculumDataModule]:
    def build(
        lessons_per_update: int = 8, rendering: Rendering | None = None, folder: Path | None = None, **settings: Any
    ) -> CurriculumDataModule:
        folder = folder or round_folder
        return CurriculumDataModule(
            prompts=str(folder / "prompts.parquet"),
            annotations=str(folder / "lessons.parquet"),
            curriculum=settings.pop("curriculum", str(folder)),
            target="rationale",
            rendering=rendering or RationaleThenAnswer(),
            lessons_per_update=lessons_per_update,
            **settings,
        )

    return build


@pytest.fixture(scope="session")
def groups_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten questions with two to five answers each, of very different lengths; two of them all right, one all wrong."""
    folder = tmp_path_factory.mktemp("groups")
    draw = random.Random(3)
    prompts, attempts = [], []
    for number in range(10):
        name = f"p{number}"
        prompts.append(Prompt(name, (Message("user", f"{number}+1?"),), str(number + 1), difficulty=float(number)))
        count = 2 + number % 4
        right = {4: [True] * count, 7: [True] * count, 8: [False] * count}.get(number)
        right = right or [True, False, *(draw.random() < 0.5 for _ in range(count - 2))]
        for sample, correct in enumerate(right):
            text = "so " * draw.choice([0, 1, 4, 25]) + f"it is {number + correct}."
            grade = Grade(correct, float(correct), None, "number/1")
            attempts.append(Attempt(name, "student", text, sample, grade, truncated=draw.random() < 0.2))
    write_prompts(folder / "prompts.parquet", prompts)
    write_attempts(folder / "attempts.parquet", attempts)
    lessons = LessonSet.read(folder / "prompts.parquet")
    made = plan(lessons, [Given()], EasyFirst(), order_by="given_difficulty", passes=2).curriculum
    replace(made, weight=np.random.default_rng(0).choice([0.5, 1.0, 2.0], len(made))).write(folder)
    return folder


@pytest.fixture
def groups(groups_folder: Path) -> Callable[..., CurriculumDataModule]:
    def build(lessons_per_update: int = 8, rendering: Rendering | None = None, **settings: Any) -> CurriculumDataModule:
        return CurriculumDataModule(
            prompts=str(groups_folder / "prompts.parquet"),
            curriculum=str(groups_folder),
            rendering=rendering or AnswerGroups(str(groups_folder / "attempts.parquet"), **settings),
            lessons_per_update=lessons_per_update,
        )

    return build


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., Trainer]:
    def build(*callbacks: Callback, **settings: Any) -> Trainer:
        defaults: dict[str, Any] = {
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 1,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": False,
            "use_distributed_sampler": False,
            "default_root_dir": tmp_path / "run",
        }
        return Trainer(**{**defaults, **settings}, callbacks=list(callbacks))

    return build


@pytest.fixture
def fit(
    tiny: Callable[..., Student], data: Callable[..., CurriculumDataModule], trainer: Callable[..., Trainer]
) -> Callable[..., Gradients]:
    """Train the tiny student and return the gradients of every update."""

    def run(
        micro_batches: int = 1,
        precision: str = "32-true",
        lessons_per_update: int = 8,
        rendering: Rendering | None = None,
        module: SupervisedModule | None = None,
        max_steps: int = -1,
        **settings: Any,
    ) -> Gradients:
        seen = Gradients()
        built = trainer(seen, accumulate_grad_batches=micro_batches, precision=precision, max_steps=max_steps)
        built.fit(module or SupervisedModule(tiny()), data(lessons_per_update, rendering, **settings))
        return seen

    return run


@pytest.fixture
def settings(round_folder: Path) -> dict[str, Any]:
    """The content of a train.yaml for the command line."""
    return {
        "trainer": {"accelerator": "cpu", "devices": 1, "gradient_clip_val": None},
        "model": {
            "student": {
                "precision": "float32",
                "weights": {
                    "class_path": "students.RandomWeights",
                    "init_args": {"hidden_size": 16, "layers": 2, "heads": 2},
                },
            },
            "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.5}},
        },
        "data": {
            "prompts": str(round_folder / "prompts.parquet"),
            "annotations": str(round_folder / "lessons.parquet"),
            "curriculum": str(round_folder),
            "target": "rationale",
            "rendering": "students.RationaleThenAnswer",
            "lessons_per_update": 8,
        },
        "batch_log": {"enabled": True},
    }


@pytest.fixture
def launch(tmp_path: Path, programs: Forker) -> Iterator[Callable[..., Process]]:
    """Start the training command in a process of its own; whatever still runs at the end of the test is killed."""
    started: list[Process] = []

    def start(settings: dict[str, Any], root: Path, *arguments: str) -> Process:
        root.parent.mkdir(parents=True, exist_ok=True)
        config = root.parent / f"{root.name}.yaml"
        config.write_text(yaml.safe_dump(settings))
        command = ["fit", "--config", str(config), f"--trainer.default_root_dir={root}", *arguments]
        paths = os.pathsep.join((str(REPOSITORY), str(Path(__file__).parent)))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error", "PYTHONPATH": paths}
        children = 1  # where two devices are asked for
        started.append(programs.start("lightning_modules", command, tmp_path, environment, True, children))
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with the processes it started itself
        process.wait()


@pytest.fixture
def run(launch: Callable[..., Process]) -> Callable[..., str]:
    """Run the training command to its end and return what it printed."""

    def to_end(settings: dict[str, Any], root: Path, *arguments: str, code: int = 0) -> str:
        process = launch(settings, root, *arguments)
        output, _ = process.communicate()
        assert process.returncode == code, output
        return output

    return to_end
