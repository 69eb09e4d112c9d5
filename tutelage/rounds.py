"""The flow of a course: which steps there are, in which order, and what each reads, writes and depends on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import yaml

from lessons.errors import ConfigError
from lessons.files import write_text
from lessons.lesson_set import LessonSet
from students.student import Student
from students.weights import Pretrained
from teachers import Price
from tutelage.course import Course
from tutelage.examination import examine_student
from tutelage.planning import PLAN_FILES, write_plan
from tutelage.pool import choose_prompts, write_exam, write_pool
from tutelage.processes import alone_in
from tutelage.progress import say
from tutelage.report.gather import gather
from tutelage.report.page import write_page
from tutelage.report.storage import write_report
from tutelage.settings import JSON, settings_of
from tutelage.steps import Step, run_step
from tutelage.teaching import distill_round, examine_course_teacher
from tutelage.training import TRAINING_OUTPUTS, refusal_of, run_training, train_config

__all__ = ["run_course"]

PLANNING = (
    "target", "targets_per_prompt", "trusted_only", "signals", "ordering", "order_by", "passes", "minimum_length",
)  # fmt: skip
"""The settings of an arm that shape its plan."""
CARD, ANSWERS = "report.json", "attempts.parquet"


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
        yield train_step(course, number, name)
        yield exam_of_arm_step(course, number, name)


def check_before_paying(course: Course, number: int) -> None:
    """Read the arms' training settings before a teacher that costs money is asked.

    Raises:
        ConfigError: Training would refuse them.
    """
    step = distill_step(course, number)
    if course.teacher is None or course.teacher.price == Price.free() or step.record.exists():
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


def exam_step(course: Course) -> Step:
    """Read the exam's questions once, so that everyone sits the same ones."""
    path = course.root / "exam.parquet"
    return Step(
        name="exam",
        folder=course.root,
        outputs=(path,),
        action=lambda: write_exam(course.exam, path),
        settings={"exam": settings_of(course.exam)},
    )


def pool_step(course: Course) -> Step:
    """Read the prompts once, without those that are exam questions."""
    path, exam = course.root / "pool.parquet", course.root / "exam.parquet"
    return Step(
        name="pool",
        folder=course.root,
        outputs=(path,),
        action=lambda: write_pool(course.prompts, exam, path, course.shared_questions),
        settings={"prompts": settings_of(course.prompts), "shared_questions": course.shared_questions},
        inputs=(exam,),
    )


def prompts_step(course: Course, number: int) -> Step:
    """Choose what a round asks about."""
    folder, pool = course.round_folder(number), course.root / "pool.parquet"
    asked = tuple(course.round_folder(k) / "prompts.parquet" for k in range(number))
    card = course.round_folder(number - 1) / course.followed / CARD if number else None
    chooser = course.next_prompts if number else None
    return Step(
        name="prompts",
        folder=folder,
        outputs=(folder / "prompts.parquet",),
        action=lambda: choose_prompts(
            pool, asked, card, chooser, course.prompts_per_round, course.seed + number, folder / "prompts.parquet"
        ),
        settings={
            "prompts_per_round": course.prompts_per_round,
            "next_prompts": settings_of(chooser),
            "seed": course.seed + number if number else None,
        },
        inputs=(pool, *asked, *([card] if card else [])),
    )


def distill_step(course: Course, number: int) -> Step:
    """Ask the teacher, and import recordings."""
    folder = course.round_folder(number)
    return Step(
        name="distill",
        folder=folder,
        outputs=(folder / "lessons.parquet",),
        action=lambda: distill_round(course, folder),
        settings={
            "teacher": settings_of(course.teacher),
            "annotators": settings_of(course.annotators),
            "recordings": settings_of(course.recordings),
            "grader": settings_of(course.grader),
        },
        inputs=(folder / "prompts.parquet",),
    )


def plan_step(course: Course, number: int, name: str) -> Step:
    """Plan in which order an arm learns."""
    parent, arm = course.round_folder(number), course.arms[name]
    folder = parent / name
    prompts, annotations = data_files(course, parent)

    def action() -> dict[str, JSON]:
        lessons = LessonSet.read(prompts, annotations, arm.target, arm.targets_per_prompt, arm.trusted_only)
        return write_plan(
            lessons, arm.signals, arm.order, arm.order_by, arm.passes, arm.minimum_length, course.seed, folder,
            f"{course.name}: {name}",
        )  # fmt: skip

    return Step(
        name="plan",
        folder=folder,
        outputs=tuple(folder / file for file in PLAN_FILES),
        action=action,
        settings={**{key: settings_of(getattr(arm, key)) for key in PLANNING}, "seed": course.seed},
        inputs=tuple(path for path in data_files(course, parent) if path),
    )


def train_step(course: Course, number: int, name: str) -> Step:
    """Train an arm's student."""
    parent = course.round_folder(number)
    folder = parent / name
    settings = round_config(course, number, name, Path())
    settings.pop("checkpoint")  # how often to save changes nothing that is trained
    former = (course.round_folder(number - 1) / name / "student",) if number else ()
    return Step(
        name="train",
        folder=folder,
        outputs=tuple(folder / output for output in TRAINING_OUTPUTS),
        action=lambda: run_training(round_config(course, number, name, course.root), folder),
        settings=settings,
        inputs=(*(path for path in data_files(course, parent) if path), folder / "curriculum.parquet", *former),
    )


def round_config(course: Course, number: int, name: str, root: Path) -> dict[str, JSON]:
    """Return the content of train.yaml of an arm in a round, with paths below `root`."""
    arm, folder = course.arms[name], root / course.round_folder(number).name
    student = student_of_round(course, number, name, root)
    settings = arm.training_settings(course.training, name)
    return train_config(student, arm, settings, folder, name, course.annotated, course.seed + number)


def exam_of_arm_step(course: Course, number: int, name: str) -> Step:
    """Let an arm's trained student sit the exam."""
    folder, arm = course.round_folder(number) / name, course.arms[name]
    student = student_of_round(course, number + 1, name, course.root)
    exam = course.root / "exam.parquet"
    return Step(
        name="evaluate",
        folder=folder,
        outputs=(folder / ANSWERS, folder / CARD),
        action=lambda: examine_student(student, exam, folder, course.grader, course.generation, arm.rendering, name),
        settings=exam_settings(course, settings_of(arm.rendering)),
        inputs=(exam, folder / "student"),
    )


def base_exam_step(course: Course) -> Step:
    """Let the untaught student sit the exam."""
    folder, exam = course.root / "exams" / "base", course.root / "exam.parquet"
    return Step(
        name="evaluate",
        folder=folder,
        outputs=(folder / ANSWERS, folder / CARD),
        action=lambda: examine_student(
            course.student, exam, folder, course.grader, course.generation, None, "base model"
        ),
        settings={**exam_settings(course, None), "student": settings_of(course.student)},
        inputs=(exam,),
    )


def teacher_exam_step(course: Course) -> Step:
    """Let the teacher sit the exam, through the ledger."""
    folder, exam = course.root / "exams" / "teacher", course.root / "exam.parquet"
    return Step(
        name="evaluate",
        folder=folder,
        outputs=(folder / ANSWERS, folder / CARD),
        action=lambda: examine_course_teacher(course, exam, folder),
        settings={"teacher": settings_of(course.teacher), "grader": settings_of(course.grader)},
        inputs=(exam,),
    )


def exam_settings(course: Course, rendering: JSON) -> dict[str, JSON]:
    """Return what shapes the marks of a student."""
    return {
        "grader": settings_of(course.grader),
        "generation": settings_of(course.generation),
        "rendering": rendering,
    }


def data_files(course: Course, round_folder: Path) -> tuple[Path, Path | None]:
    """Return a round's prompts and annotations."""
    return round_folder / "prompts.parquet", round_folder / "lessons.parquet" if course.annotated else None


def student_of_round(course: Course, number: int, name: str, root: Path) -> Student:
    """Return the student with which an arm starts a round: the course's, then the one of the round before."""
    if number == 0:
        return course.student
    given = course.student
    folder = root / course.round_folder(number - 1).name / name / "student"
    return Student(
        weights=Pretrained(str(folder)),
        adapter=given.adapter,
        precision=given.precision,
        gradient_checkpointing=given.gradient_checkpointing,
        template_arguments=given.template_arguments,
    )


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
