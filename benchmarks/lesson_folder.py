"""The folder that the contenders of a benchmark train on: lessons, and the settings of the run in train.yaml."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

RANK = 16
"""Rank of LoRA."""


def write_recorded(folder: Path, path: str, count: int) -> None:
    """Write lessons from rationales in JSON lines, as shared/data/svamp_palm has them."""
    from lessons import ColumnMap, JSONLSource

    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    source = JSONLSource(path=path, columns=ColumnMap(id="id", topic="problem_type"))
    write_lessons(folder, list(source.prompts())[:count], {row["id"]: row["rationale"] for row in rows})


def write_arithmetic(folder: Path, count: int, sums: int = 1) -> None:
    """Write lessons of different lengths from sums of up to nine digits.

    Args:
        folder: Where.
        count: How many lessons.
        sums: Worked solutions in a lesson on average: those of other sums before its own, drawn from 1 to nearly twice
            as many.
    """
    from lessons import ArithmeticSource
    from teachers.programs.addition import worked_solution

    prompts = list(ArithmeticSource(size=count, digits=9).prompts())
    addends = [re.findall(r"\d+", prompt.messages[-1].content) for prompt in prompts]
    solutions = [worked_solution(int(a), int(b)).rpartition("\n")[0] for a, b in addends]
    draw, texts = random.Random(0), {}
    for number, prompt in enumerate(prompts):
        others = draw.randrange(2 * sums - 1)
        texts[prompt.id] = " ".join(solutions[(number + ahead) % count] for ahead in range(others, -1, -1))
    write_lessons(folder, prompts, texts)


def write_lessons(folder: Path, prompts: list[Any], texts: dict[str, str]) -> None:
    """Write prompts, and a rationale for each."""
    from lessons import Annotation, Provenance
    from lessons.tables import write_annotations, write_prompts

    source = Provenance("recorded", "none", "rationale/1", "none")
    write_prompts(folder / "prompts.parquet", prompts)
    write_annotations(
        folder / "lessons.parquet",
        [Annotation(p.id, "rationale", 0, texts[p.id], source, answer=p.reference) for p in prompts],
    )


def write_settings(
    folder: Path, weights: dict[str, Any], full: bool, lessons: int, trainer: dict[str, Any] | None = None
) -> None:
    """Write the settings of the run.

    Args:
        folder: Where the lessons lie.
        weights: Class and arguments of the student's weights.
        full: Train all of them; otherwise LoRA.
        lessons: Lessons of an update.
        trainer: Settings of Lightning's trainer, if it is not to work on a CPU.
    """
    data = {
        "prompts": str(folder / "prompts.parquet"),
        "annotations": str(folder / "lessons.parquet"),
        "target": "rationale",
        "rendering": "students.RationaleThenAnswer",
        "lessons_per_update": lessons,
    }
    student = {"weights": weights, "adapter": None if full else {"rank": RANK}}
    settings = {"model": {"student": student}, "data": data, "checkpoint": {"every_minutes": None}}
    settings["trainer"] = trainer or {"accelerator": "cpu"}
    (folder / "train.yaml").write_text(json.dumps(settings))
