"""What in a course's settings contradicts itself: looked for before anything is spent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lessons.errors import ConfigError

if TYPE_CHECKING:
    from tutelage.course import Arm, Course, Training

__all__ = ["check_course"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
TAKEN = ("base", "teacher", "steps", "exams")


def check_course(course: Course) -> None:
    """Refuse settings that contradict each other, before anything is spent.

    Raises:
        ConfigError: With what to change.
    """
    check_arms(course)
    check_kinds(course)
    if not course.student.writes:
        raise ConfigError(
            f"The student is a {type(course.student).__name__}, which gives scores and writes no text, but a course "
            "examines answers. Needed is a students.Student. Train scorers with `tutelage train`."
        )
    if course.annotators and course.teacher is None:
        kinds = ", ".join(type(annotator).__name__ for annotator in course.annotators)
        raise ConfigError(
            f"There are annotators ({kinds}) but no teacher to ask. "
            "Set `teacher`, or leave out `annotators` and import annotations with `recordings`."
        )
    if course.rounds < 1 or (course.prompts_per_round is not None and course.prompts_per_round < 1):
        raise ConfigError(
            f"rounds = {course.rounds} and prompts_per_round = {course.prompts_per_round}; both must be at least 1. "
            "Correct them."
        )
    if course.rounds > 1 and (course.next_prompts is None or course.prompts_per_round is None):
        raise ConfigError(
            f"rounds = {course.rounds} needs `next_prompts` (such as class_path: curricula.WeakTopics) and "
            "`prompts_per_round`, so that later rounds have prompts of their own. Set both, or rounds: 1."
        )


def check_kinds(course: Course) -> None:
    """Refuse two sources of one kind of annotation: their samples could not be told apart."""
    kinds = course.kinds
    twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
    if twice:
        raise ConfigError(
            f"{twice[0]!r} would come from {kinds.count(twice[0])} annotators or recordings; each kind must "
            "come from one. Leave the others out, or join the recordings in one file."
        )


def check_arms(course: Course) -> None:
    """Refuse arms that cannot be."""
    if not course.arms:
        raise ConfigError("`arms` is empty: at least one way of teaching is needed. Add one with a `rendering`.")
    for name, arm in course.arms.items():
        if not NAME.fullmatch(name) or name in TAKEN:
            raise ConfigError(
                f"An arm cannot be called {name!r}: arms are folders. Allowed are letters, digits, '-' and '_', "
                f"and none of {', '.join(TAKEN)}. Rename it."
            )
        arm.training_settings(course.training, name)
        check_order(name, arm)
        check_logits(name, arm, course.training)
        if arm.target and arm.target not in course.kinds:
            raise ConfigError(
                f"The arm {name!r} learns from the target {arm.target!r}, but no annotator or recording "
                f"makes one; they make {', '.join(course.kinds) or 'nothing'}. Add it, or correct `target`."
            )
    if course.follow is not None and course.follow not in course.arms:
        raise ConfigError(
            f"follow = {course.follow!r} is not an arm; the arms are {', '.join(course.arms)}. Correct `follow`."
        )


def check_order(name: str, arm: Arm) -> None:
    """Refuse an arm that orders by a signal it does not have."""
    ordering = arm.order
    names = [signal.name for signal in arm.signals]
    if (arm.order_by is not None and arm.order_by not in names) or (arm.order_by is None and ordering.needs_scores):
        raise ConfigError(
            f"The arm {name!r} has {type(ordering).__name__} order by {arm.order_by or 'nothing'}; its signals are "
            f"{', '.join(names) or 'none'}. Set `order_by` to one of them, or add the signal to `signals`."
        )


def check_logits(name: str, arm: Arm, shared: Training) -> None:
    """Refuse logits that nobody learns from, and a module with two teachers."""
    module = arm.training_settings(shared, name).module
    given = (module.get("init_args") or {}).get("teacher")
    if arm.logits is not None and ("class_path" not in module or given is not None):
        why = "its module learns from texts alone" if given is None else "its module has a `teacher` of its own"
        raise ConfigError(
            f"The logits of {arm.logits.teacher.weights.name} are to be stored for the arm {name!r}, but {why}. Needed "
            "is a module that learns from logits, such as lightning_modules.LogitDistillation, without a `teacher`, "
            "whose place the store takes. Correct training.module of the arm, or leave out its `logits`."
        )
