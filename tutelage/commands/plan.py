"""`tutelage plan`: lessons in, a curriculum with its signals and its picture out."""

from __future__ import annotations

from pathlib import Path

from curricula import Mixture, Ordering, Selector, Shuffled, Signal
from tutelage.progress import say
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
    select: list[Selector] | None = None,
    mixture: Mixture | None = None,
    lessons_per_update: int | None = None,
    round_number: int = 0,
    explain: str | None = None,
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
        select: Which lessons to leave out, step by step.
        mixture: Which lessons every update draws from the order; None goes through it, pass by pass.
        lessons_per_update: Lessons of one update, for a mixture; must be the training's.
        round_number: Number of the round, from 0, for shares of a mixture that change from round to round.
        explain: Say only why the lesson with this id is where it is, or why it was left out.
    """
    from curricula import Curriculum, read_signals, summarise
    from curricula import explain as explain_lesson
    from lessons.lesson_set import LessonSet
    from tutelage.planning import PLAN_FILES, PlanRule, write_plan

    folder = Path(out)
    reading = {"target": target, "targets_per_prompt": targets_per_prompt, "trusted_only": trusted_only}
    rule = PlanRule(
        signals or [], ordering or Shuffled(), order_by, passes, minimum_length, seed, select or [], mixture,
        lessons_per_update, round_number,
    )  # fmt: skip
    step = Step(
        name="plan",
        folder=folder,
        outputs=tuple(folder / file for file in PLAN_FILES),
        action=lambda: write_plan(
            LessonSet.read(prompts, annotations, target, targets_per_prompt, trusted_only),
            rule,
            folder,
            folder.resolve().name,
        ),
        settings={**reading, **rule.settings()},
        inputs=tuple(Path(path) for path in (prompts, annotations) if path),
    )
    if not run_step(step):
        say(f"{folder} holds this very plan already.")
    made, measured = Curriculum.read(folder), read_signals(folder / "signals.parquet")
    if explain is not None:
        print(explain_lesson(made, measured, explain))
        return
    for what, value in summarise(made, measured):
        print(f"{what}: {value}")
