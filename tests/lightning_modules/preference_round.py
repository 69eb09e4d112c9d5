"""A round whose prompts have several right and wrong rationales of very different lengths, and a weighted plan."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from curricula import EasyFirst, Given, plan
from lessons.lesson_set import LessonSet
from lessons.records import Annotation, Grade, Message, Prompt, Provenance
from lessons.tables import write_annotations, write_prompts

__all__ = ["write_round"]


def write_round(folder: Path, prompts: int = 13, passes: int = 1) -> Path:
    """Write the round; the prompt numbered 3 has no wrong rationale."""
    draw = random.Random(11)
    asked, written = [], []
    for number in range(prompts):
        a, b = draw.randint(1, 99), draw.randint(1, 99)
        name = f"p{number}"
        asked.append(Prompt(name, (Message("user", f"{a}+{b}?"),), reference=str(a + b), difficulty=float(a + b)))
        marks = [True, True] if number == 3 else [True, False, True, False, False][: draw.randint(2, 5)]
        for sample, right in enumerate(marks):
            text = f"So{sample}. " + "go on. " * draw.choice([0, 1, 2, 5, 12])
            answer = str(a + b + (0 if right else draw.randint(1, 9)))
            source = Provenance("Recorded", "none", "rationale/1", "none")
            grade = Grade(right, float(right), answer, "exact/1")
            written.append(Annotation(name, "rationale", sample, text.strip(), source, answer=answer, grade=grade))
    write_prompts(folder / "prompts.parquet", asked)
    write_annotations(folder / "lessons.parquet", written)
    lessons = LessonSet.read(folder / "prompts.parquet", folder / "lessons.parquet")
    made = plan(lessons, [Given()], EasyFirst(), order_by="given_difficulty", passes=passes).curriculum
    weight = np.random.default_rng(0).choice([0.25, 0.5, 1.0, 2.0], len(made))
    replace(made, weight=weight).write(folder)
    return folder
