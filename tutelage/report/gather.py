"""Gather a round's report from the files on disk: nothing in it depends on what is in memory."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from lessons.report_card import ReportCard
from lessons.tables import read_attempts, read_prompts
from tutelage.arms import Arm
from tutelage.course import Course
from tutelage.report.agreements import agreement_sentences
from tutelage.report.provenance import machine, now, versions
from tutelage.report.records import ArmReport, Report, Training
from tutelage.report.samples import choose_samples
from tutelage.report.teaching import count_annotations, count_spending
from tutelage.report.verdicts import verdicts
from tutelage.settings import JSON
from tutelage.steps import content_digest

__all__ = ["gather"]


def gather(course: Course, number: int) -> Report:
    """Return the report of a round whose steps are all finished."""
    folder = course.round_folder(number)
    arms = tuple(arm_report(folder / name, name, arm) for name, arm in course.arms.items())
    others = {name: course.root / "exams" / name for name in ("base", "teacher")}
    taken = {name: path for name, path in others.items() if (path / "report.json").exists()}
    cards = {name: card(path) for name, path in taken.items()}
    places = {name: folder / name for name in course.arms} | {cards[name].author: path for name, path in taken.items()}
    lessons = [course.round_folder(k) / "lessons.parquet" for k in range(number + 1)]
    return Report(
        course=course.name,
        round=number,
        arms=arms,
        others=tuple(cards.values()),
        annotations=count_annotations([folder / "lessons.parquet"]),
        agreements=agreement_sentences([folder / "lessons.parquet"]),
        spending=count_spending([*lessons, course.root / "exams" / "teacher" / "answers.parquet"]),
        verdicts=verdicts([arm.exam for arm in arms], cards.get("base")),
        samples=choose_samples(
            list(read_prompts(course.root / "exam.parquet")),
            {author: list(read_attempts(path / "attempts.parquet")) for author, path in places.items()},
            list(course.arms),
            course.sample_answers,
        ),
        former=tuple(
            (f"round {k}", tuple(card(course.round_folder(k) / name) for name in course.arms)) for k in range(number)
        ),
        provenance=provenance(course, folder),
    )


def arm_report(folder: Path, name: str, arm: Arm) -> ArmReport:
    """Return what an arm's folder says."""
    picture = folder / "curriculum.png"
    return ArmReport(
        name=name,
        description=describe(arm),
        exam=card(folder),
        training=training(folder),
        curriculum_picture=base64.b64encode(picture.read_bytes()).decode() if picture.exists() else None,
    )


def card(folder: Path) -> ReportCard:
    """Read an exam's marks."""
    return ReportCard.from_json(json.loads((folder / "report.json").read_text(encoding="utf-8")))


def training(folder: Path) -> Training:
    """Read what an arm's training took."""
    totals: dict[str, Any] = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    plan: dict[str, Any] = json.loads((folder / "curriculum.json").read_text(encoding="utf-8"))
    return Training(
        lessons=plan["counts"]["lessons"],
        updates=totals["updates"],
        processed_tokens=totals["processed_tokens"],
        supervised_tokens=totals["supervised_tokens"],
        seconds=totals["seconds"],
        losses=tuple((int(update), float(loss)) for update, loss in totals["curve"] if loss is not None),
    )


def describe(arm: Arm) -> str:
    """Say in a few words what an arm trains on and in which order."""
    what = type(arm.rendering).__name__ + (f" of {arm.target}" if arm.target else "")
    order = type(arm.order).__name__ + (f" by {arm.order_by}" if arm.order_by and arm.order.needs_scores else "")
    passes = f"{arm.passes:g} pass{'es' if arm.passes != 1 else ''}"
    return f"{what}, {order}, {passes}" + (f", at least {arm.minimum_length} entries" if arm.minimum_length else "")


def provenance(course: Course, folder: Path) -> dict[str, JSON]:
    """Return where the round comes from."""
    plans = {name: json.loads((folder / name / "curriculum.json").read_text(encoding="utf-8")) for name in course.arms}
    return {
        "finished": now(),
        "seed": course.seed,
        "student starts from": course.student.weights.name,
        "exam": content_digest(course.root / "exam.parquet"),
        "prompts": content_digest(folder / "prompts.parquet"),
        "lessons": {name: found["lessons_fingerprint"][:16] for name, found in plans.items()},
        "versions": versions(),
        "machine": machine(),
        "config": (course.root / "course.yaml").read_text(encoding="utf-8"),
    }
