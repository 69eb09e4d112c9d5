"""The steps of a course: what each reads, writes and depends on."""

from __future__ import annotations

from pathlib import Path

from lessons.lesson_set import LessonSet
from students.student import Student
from students.weights import Pretrained, Weights
from tutelage.arms import Arm
from tutelage.course import Course
from tutelage.examination import examine_student
from tutelage.logits_step import logits_folder, stamp_of_logits
from tutelage.planning import PLAN_FILES, PlanRule, write_plan
from tutelage.pool import choose_prompts, write_exam, write_pool
from tutelage.settings import JSON, settings_of
from tutelage.steps import Step
from tutelage.teaching import distill_round, examine_course_teacher
from tutelage.training import TRAINING_OUTPUTS, run_training, train_config

__all__ = [
    "base_exam_step",
    "distill_step",
    "exam_of_arm_step",
    "exam_step",
    "plan_step",
    "pool_step",
    "prompts_step",
    "round_config",
    "teacher_exam_step",
    "train_step",
]

CARD, ANSWERS = "report.json", "attempts.parquet"


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
    prompts, annotations = course.data_files(number)

    rule = plan_rule(course, arm, number, name)

    def action() -> dict[str, JSON]:
        lessons = LessonSet.read(prompts, annotations, arm.target, arm.targets_per_prompt, arm.trusted_only)
        return write_plan(lessons, rule, folder, f"{course.name}: {name}")

    return Step(
        name="plan",
        folder=folder,
        outputs=tuple(folder / file for file in PLAN_FILES),
        action=action,
        settings={**arm.reading, **rule.settings()},
        inputs=tuple(path for path in course.data_files(number) if path),
    )


def plan_rule(course: Course, arm: Arm, number: int, name: str) -> PlanRule:
    """Return how an arm's plan of a round is made."""
    lessons_per_update = arm.training_settings(course.training, name).lessons_per_update
    return PlanRule(
        arm.signals, arm.order, arm.order_by, arm.passes, arm.minimum_length, course.seed, arm.select, arm.mixture,
        lessons_per_update, number,
    )  # fmt: skip


def train_step(course: Course, number: int, name: str) -> Step:
    """Train an arm's student."""
    parent = course.round_folder(number)
    folder = parent / name
    adapter = course.arms[name].training_settings(course.training, name).adapter_folder
    settings = round_config(course, number, name, Path())
    settings.pop("checkpoint")  # how often to save changes nothing that is trained
    former = (course.round_folder(number - 1) / name / "student",) if number else ()
    return Step(
        name="train",
        folder=folder,
        outputs=tuple(folder / output for output in (*TRAINING_OUTPUTS, *([adapter] if adapter else []))),
        action=lambda: run_training(round_config(course, number, name, course.root), folder),
        settings=settings,
        inputs=(
            *(path for path in course.data_files(number) if path),
            folder / "curriculum.parquet",
            *former,
            *stamp_of_logits(course, number, name),
        ),
    )


def round_config(course: Course, number: int, name: str, root: Path) -> dict[str, JSON]:
    """Return the content of train.yaml of an arm in a round, with paths below `root`."""
    arm, folder = course.arms[name], root / course.round_folder(number).name
    student = student_of_round(course, number, name, root)
    settings = arm.training_settings(course.training, name)
    logits = logits_folder(course, name, folder)
    return train_config(student, arm, settings, folder, name, course.annotated, course.seed + number, logits)


def exam_of_arm_step(course: Course, number: int, name: str) -> Step:
    """Let an arm's trained student sit the exam."""
    folder, arm = course.round_folder(number) / name, course.arms[name]
    student = student_after_round(course, number, name)
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


def student_of_round(course: Course, number: int, name: str, root: Path) -> Student:
    """Return the student with which an arm starts a round: the course's, then the one of the round before."""
    if number == 0:
        return course.student
    exported = Pretrained(str(root / course.round_folder(number - 1).name / name / "student"))
    return student_on(course, course.student.weights.alike(exported))


def student_after_round(course: Course, number: int, name: str) -> Student:
    """Return the student that an arm exported at the end of a round, as everyone loads it."""
    return student_on(course, Pretrained(str(course.round_folder(number) / name / "student")))


def student_on(course: Course, weights: Weights) -> Student:
    """Return the course's student on other weights, whose tokenizer has the chat template already."""
    given = course.student
    return Student(
        weights=weights,
        adapter=given.adapter,
        precision=given.precision,
        gradient_checkpointing=given.gradient_checkpointing,
        packing=given.packing,
        template_arguments=given.template_arguments,
    )
