"""`tutelage doctor`: look at a course, or at a distill run, before anything is spent on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lessons.errors import ConfigError
from lessons.records import Prompt
from lessons.sources import unique
from tutelage.checkup.finding import Finding, guarded
from tutelage.course import Course

__all__ = ["CheckUp", "doctor"]


@dataclass(frozen=True)
class CheckUp(Course):
    """A course, and how closely to look at it."""

    call: bool = False
    """Also send the teacher one tiny request. Without it nothing is asked and nothing is spent."""


def doctor(settings: CheckUp) -> None:
    """Check a course before money and hours are spent on it: every check is a line ok, warn or fail.

    Looked at: settings, prompts, exam and grader, the teacher's key, price and likely cost, the student's chat template
    and memory, the training config, and one training sequence of every arm with the learnt part in green.

    Args:
        settings: The course.
    """
    from rich.console import Console

    console = Console(highlight=False)
    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    found = []
    for finding in examine(settings):
        found.append(finding)
        console.print(f"{finding.status:>4}", style=colours[finding.status], end="  ")
        console.print(f"{finding.what}: {finding.text}", markup=False, soft_wrap=True)
        if finding.picture is not None:
            console.print(finding.picture, soft_wrap=True)
    failed = [finding.what for finding in found if finding.status == "fail"]
    if failed:
        raise ConfigError(
            f"{len(failed)} of {len(found)} checks failed: {', '.join(failed)}. Nothing was started. "
            "Mend what the lines above name, and check again."
        )


def examine(course: CheckUp) -> Iterator[Finding]:
    """Run all checks."""
    yield from guarded("settings", lambda: check_settings(course))
    pools: dict[str, list[Prompt]] = {}
    for what, source in (("prompts", course.prompts), ("exam", course.exam)):

        def read(what: str = what, source: object = source) -> Iterator[Finding]:
            from tutelage.checkup.data import check_prompts

            pools[what] = list(unique(getattr(course, what).prompts()))
            yield from check_prompts(what, pools[what])

        yield from guarded(what, read)
    if set(pools) == {"prompts", "exam"} and all(pools.values()):
        for name, check in checks(course, pools["prompts"], pools["exam"]):
            yield from guarded(name, check)


Check = tuple[str, Callable[[], Iterator[Finding]]]


def checks(course: CheckUp, prompts: list[Prompt], exam: list[Prompt]) -> Iterator[Check]:
    """Yield the checks that need prompts and exam, cheap ones first."""
    from tutelage.checkup import data, memory, student, teacher
    from tutelage.teaching import course_exam_annotator

    yield "grader", lambda: data.check_gradable(course.grader, exam)
    yield "leaks", lambda: data.check_apart(prompts, exam, course.shared_questions == "drop")
    found = course.teacher
    if found is not None:
        asked = [teacher.Asked(prompts[: course.prompts_per_round], course.annotators, course.batches)]
        if course.examine_teacher:
            asked.append(teacher.Asked(exam, [course_exam_annotator(course)]))
        for backend in course.backends:
            yield "teacher", partial(teacher.check_credentials, backend)
            yield "price", partial(teacher.check_price, backend, course.budget)
        given = [part for part in asked if part.annotators]
        yield (
            "cost",
            partial(
                teacher.check_estimate, given, found, course.grader, course.ledger_path, course.limits, course.budget
            ),
        )
        if course.call:
            yield "endpoint", lambda: teacher.check_call(found, course.ledger_path)
    yield "chat template", lambda: student.check_template(course.student, prompts[0])
    yield "memory", lambda: memory.check_memory(course.student)
    for name, arm in course.arms.items():
        yield (
            f"sample of {name}",
            lambda name=name, arm=arm: student.check_sample(  # type: ignore[misc]
                name, arm, course.student, prompts[0], course.round_folder(0)
            ),
        )
        yield f"training of {name}", lambda name=name: check_training(course, name)  # type: ignore[misc]


def check_settings(course: Course) -> Iterator[Finding]:
    """Check that the settings do not contradict each other."""
    course.check()
    yield Finding("ok", "settings", f"{len(course.arms)} arms ({', '.join(course.arms)}), {course.rounds} rounds")


def check_training(course: Course, name: str) -> Iterator[Finding]:
    """Let the training command read an arm's config, in a process of its own, without training."""
    from tutelage.course_steps import round_config
    from tutelage.training import refusal_of

    refused = refusal_of(round_config(course, 0, name, course.root))
    what = f"training of {name}"
    yield Finding("ok", what, "its config is understood") if refused is None else Finding("fail", what, refused)
