"""`tutelage plan`: lessons in, a curriculum with its signals and its picture out."""

from __future__ import annotations

from pathlib import Path

from curricula import Ordering, Shuffled, Signal
from tutelage.progress import say
from tutelage.settings import settings_of
from tutelage.steps import Step, run_step

__all__ = ["plan"]


def plan(
    out: str,
    prompts: str,
    annotations: str | None = None,
    target: str | None = None,
    targets_per_prompt: int = 1,
    trusted_only: bool = True,
    signals: list[Signal] | None = None,
    ordering: Ordering | None = None,
    order_by: str | None = None,
    passes: float = 1.0,
    minimum_length: int = 0,
    seed: int = 0,
) -> None:
    """Decide which lesson comes when; write curriculum.parquet, curriculum.json, signals.parquet and curriculum.png.

    Args:
        out: Folder to write to.
        prompts: The round's prompts.parquet.
        annotations: The round's lessons.parquet; None for bare prompts.
        target: The kind of annotation that makes a lesson ("rationale", "critique"); None for one lesson a prompt.
        targets_per_prompt: At most this many lessons a prompt.
        trusted_only: Leave out annotations that could not be read or were graded wrong.
        signals: What to measure about every lesson.
        ordering: How to order one pass; None shuffles.
        order_by: Name of the signal to order by.
        passes: How often to go through the lessons; a fraction cuts the last pass.
        minimum_length: Go on with further passes until the plan has this many entries.
        seed: Seed of everything random.
    """
    from curricula import Curriculum, read_signals, summarise
    from lessons.lesson_set import LessonSet
    from tutelage.planning import PLAN_FILES, write_plan

    folder, chosen, measured = Path(out), ordering or Shuffled(), signals or []
    reading = {"target": target, "targets_per_prompt": targets_per_prompt, "trusted_only": trusted_only}
    ordering_settings = {"ordering": settings_of(chosen), "order_by": order_by, "signals": settings_of(measured)}
    step = Step(
        name="plan",
        folder=folder,
        outputs=tuple(folder / file for file in PLAN_FILES),
        action=lambda: write_plan(
            LessonSet.read(prompts, annotations, target, targets_per_prompt, trusted_only),
            measured, chosen, order_by, passes, minimum_length, seed, folder, folder.resolve().name,
        ),
        settings={**reading, **ordering_settings, "passes": passes, "minimum_length": minimum_length, "seed": seed},
        inputs=tuple(Path(path) for path in (prompts, annotations) if path),
    )  # fmt: skip
    if not run_step(step):
        say(f"{folder} holds this very plan already.")
    for what, value in summarise(Curriculum.read(folder), read_signals(folder / "signals.parquet")):
        print(f"{what}: {value}")
