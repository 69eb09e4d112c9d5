"""Modules with a teacher of another tokenizer, with features and with a scoring head, on two gloo processes."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from lessons.records import Annotation, Message, Prompt, Provenance
from lessons.tables import write_annotations, write_prompts
from lightning_modules import (
    GOLD,
    CrossTokenizerDistillation,
    CurriculumDataModule,
    FeatureDistillation,
    ForwardKL,
    HiddenDistance,
    HiddenSimilarity,
    ScoreDistillation,
)
from students import (
    BytePairTokenizer,
    RandomWeights,
    RationaleThenAnswer,
    Rendering,
    ScoredTexts,
    Scorer,
    Student,
    TokenizerRecipe,
)

SOURCE = Provenance(teacher="Recorded", model="none", template="none/1", request_key="none")


SGD: dict[str, Any] = {"optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.5)}


def model(kind: Callable[..., Student] = Student, tokenizer: TokenizerRecipe | None = None, size: int = 16) -> Student:
    return kind(RandomWeights(hidden_size=size, layers=2, heads=2, tokenizer=tokenizer, seed=size), precision="float32")


PAIRS = BytePairTokenizer(["well, well, try 1", "Answer: 12", "Answer: 120"], 280)
MODULES: dict[str, tuple[Callable[[], Any], Rendering]] = {
    "another tokenizer": (
        lambda: CrossTokenizerDistillation(model(), model(tokenizer=PAIRS, size=24), GOLD(ForwardKL()), **SGD),
        RationaleThenAnswer(),
    ),
    "features": (
        lambda: FeatureDistillation(model(), model(size=24), [HiddenDistance(), HiddenSimilarity()], **SGD),
        RationaleThenAnswer(),
    ),
    "scores": (lambda: ScoreDistillation(model(Scorer), **SGD), ScoredTexts(scored_by="judgement")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """7 questions with two judged texts each: the last update is smaller than two processes' micro-batches."""
    made, draw = tmp_path_factory.mktemp("round"), random.Random(5)
    prompts, annotations = [], []
    for number in range(7):
        prompts.append(Prompt(f"p{number}", (Message("user", f"{number}?"),), reference=str(number)))
        for sample in range(2):
            text = "well, " * draw.choice([0, 1, 9, 30]) + f"try {sample}"
            place = (f"p{number}", "rationale", sample)
            annotations.append(Annotation(*place, text, SOURCE))
            judged = Annotation(f"p{number}", "judgement", sample, "", SOURCE, value=draw.random(), subject=text)
            annotations.append(judged)
    write_prompts(made / "prompts.parquet", prompts)
    write_annotations(made / "lessons.parquet", annotations)
    return made


class Keeping(Callback):
    """Writes the trained parameters at the end, and how many processes trained them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero:
            found = {name: p.detach() for name, p in pl_module.named_parameters()}
            torch.save({**found, "processes": torch.tensor(trainer.world_size)}, self.path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_two_processes_train_what_one_does(
    name: str, folder: Path, trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    def train(**settings: Any) -> dict[str, torch.Tensor]:
        build, rendering = MODULES[name]
        data = CurriculumDataModule(
            str(folder / "prompts.parquet"), rendering, str(folder / "lessons.parquet"), lessons_per_update=4
        )
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.pt"
        trainer(Keeping(path), precision="64-true", **settings).fit(build(), data)
        found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
        return found

    one, two = train(), train(devices=2, strategy="ddp_fork", accumulate_grad_batches=2)
    assert (int(one.pop("processes")), int(two.pop("processes"))) == (1, 2)
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=1e-6, atol=1e-9)
