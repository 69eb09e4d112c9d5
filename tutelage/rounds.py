"""The flow of a course: which steps there are, in which order, and what is said and written between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import yaml

from lessons.errors import ConfigError
from lessons.files import write_text
from teachers import Price
from tutelage.course import Course
from tutelage.course_steps import (
    base_exam_step,
    distill_step,
    exam_of_arm_step,
    exam_step,
    plan_step,
    pool_step,
    prompts_step,
    round_config,
    teacher_exam_step,
    train_step,
)
from tutelage.logits_step import logits_step
from tutelage.processes import alone_in
from tutelage.progress import say
from tutelage.report.gather import gather
from tutelage.report.page import write_page
from tutelage.report.storage import write_report
from tutelage.settings import JSON, settings_of
from tutelage.steps import Step, run_step
from tutelage.training import refusal_of

__all__ = ["run_course"]


def run_course(course: Course) -> Path:
    """Run a course, or go on with it; return the path of its report.html.

    Raises:
        ConfigError: The settings contradict each other, or a finished step had others.
        Stopped: By a budget or by the user, with everything saved.
    """
    course.check()
    with alone_in(course.root):
        if not (course.root / "course.yaml").exists():
            write_settings(course)
        take(course, exam_step(course))
        take(course, pool_step(course))
        for number in range(course.rounds):
            run_round(course, number)
    return course.root / "report.html"


def write_settings(course: Course) -> None:
    """Write the resolved config: `tutelage course --config <folder>/course.yaml` goes on with the course."""
    settings = cast("dict[str, JSON]", settings_of(course))
    write_text(course.root / "course.yaml", yaml.safe_dump(settings["init_args"], sort_keys=False, allow_unicode=True))


def run_round(course: Course, number: int) -> None:
    """Run one round, from the choice of its prompts to its report."""
    done_now = [take(course, step) for step in steps_of_round(course, number)]
    if any(done_now) or not (course.round_folder(number) / "report.html").exists():
        write_round_report(course, number)


def steps_of_round(course: Course, number: int) -> Iterator[Step]:
    """Yield the steps of a round in order."""
    yield prompts_step(course, number)
    if course.annotated:
        check_before_paying(course, number)
        yield distill_step(course, number)
    if course.examine_teacher and course.teacher is not None:
        yield teacher_exam_step(course)
    if course.examine_base:
        yield base_exam_step(course)
    for name in course.arms:
        yield plan_step(course, number, name)
        logits = logits_step(course, number, name)
        if logits is not None:
            yield logits
        yield train_step(course, number, name)
        yield exam_of_arm_step(course, number, name)


def check_before_paying(course: Course, number: int) -> None:
    """Read the arms' training settings before a teacher that costs money is asked.

    Raises:
        ConfigError: Training would refuse them.
    """
    step = distill_step(course, number)
    if all(backend.price == Price.free() for backend in course.backends) or step.record.exists():
        return
    for name in course.arms:
        refused = refusal_of(round_config(course, number, name, course.root))
        if refused is not None:
            raise ConfigError(
                f"The training of the arm {name!r} would be refused: {refused} Nothing was spent yet. Mend the "
                "settings under `training` or the arm's own, and run the same command again."
            )


def take(course: Course, step: Step) -> bool:
    """Do a step unless it is finished, and say so; return whether it was done now."""
    where = step.folder.resolve().relative_to(course.root.resolve()).as_posix()
    name = f"{where}: {step.name}" if where != "." else step.name
    say(f"[{name}]")
    done_now = run_step(step)
    if not done_now:
        say("  done before")
    return done_now


def write_round_report(course: Course, number: int) -> None:
    """Write a round's report.json and report.html, and the course's report.html, from the files on disk."""
    write_settings(course)  # once more: all of its steps agree with these settings now
    report = gather(course, number)
    folder = course.round_folder(number)
    write_report(report, folder / "report.json")
    write_page(report, folder / "report.html")
    write_page(report, course.root / "report.html")
    for sentence in report.verdicts:
        say(sentence)
    say(f"Report: {folder / 'report.html'}")
