"""The step of a course that stores a teacher's logits, and where an arm finds them."""

from __future__ import annotations

from pathlib import Path

from students.logit_store.layout import STAMP
from tutelage.course import Course
from tutelage.steps import Step
from tutelage.stored_logits import LOGITS, LogitsRule, models_read, run_logits

__all__ = ["logits_folder", "logits_step", "stamp_of_logits"]


def logits_step(course: Course, number: int, name: str) -> Step | None:
    """Store what a teacher finds probable in the lessons of an arm; None where an earlier arm has the same stored."""
    rule, parent = logits_rule(course, name), course.round_folder(number)
    if rule is None or logits_owner(course, name) != name:
        return None
    folder = parent / name
    return Step(
        name=LOGITS,
        folder=folder,
        outputs=(folder / LOGITS,),
        action=lambda: run_logits(rule, parent, folder, course.annotated),
        settings=rule.settings(),
        inputs=tuple(path for path in course.data_files(number) if path),
        outside=models_read(rule),
    )


def logits_rule(course: Course, name: str) -> LogitsRule | None:
    """Return what is stored for an arm before it trains; None if nothing is."""
    arm = course.arms[name]
    if arm.logits is None:
        return None
    settings = arm.training_settings(course.training, name)
    limits = {"max_tokens": settings.max_tokens, "over_long": settings.data.get("over_long", "drop")}
    return LogitsRule(arm.logits, course.student, arm.rendering, arm.reading | limits)


def logits_owner(course: Course, name: str) -> str:
    """Return the first arm for which the very same logits are stored as for this one: they lie in its folder."""
    rules = {arm: rule.settings() for arm in course.arms if (rule := logits_rule(course, arm)) is not None}
    return next(arm for arm in rules if rules[arm] == rules[name])


def logits_folder(course: Course, name: str, round_folder: Path) -> Path | None:
    """Return the stored logits that an arm learns from; None where it needs none."""
    return round_folder / logits_owner(course, name) / LOGITS if course.arms[name].logits is not None else None


def stamp_of_logits(course: Course, number: int, name: str) -> tuple[Path, ...]:
    """Return the file that says what the stored logits of an arm are; none where it needs no logits."""
    folder = logits_folder(course, name, course.round_folder(number))
    return () if folder is None else (folder / STAMP,)
