"""One self-contained page from a report: no script, no other file, everything escaped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2

from lessons.files import write_text
from lessons.report_card import ReportCard
from tutelage.report.pictures import as_image, exam_chart, group_chart, loss_chart
from tutelage.report.records import Report
from tutelage.report.verdicts import percent
from tutelage.settings import JSON

__all__ = ["render", "write_page"]

log = logging.getLogger(__name__)

SVG = "image/svg+xml"
TOPICS_IN_CHART = 12
SHOWN_ELSEWHERE = ("config", "finished")


class Chart(NamedTuple):
    """A chart, or why there is none."""

    image: str = ""
    """A data URI."""
    problem: str = ""
    """What went wrong when it was drawn."""


def write_page(report: Report, path: Path) -> None:
    """Write the page; it appears only when complete."""
    write_text(path, render(report))


def render(report: Report) -> str:
    """Return the page's HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # the template's name does not end in .html, so a guess by name would not escape
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, count=count, duration=duration, dollars=dollars)
    provenance = dict(report.provenance)
    return environment.get_template("page.html.jinja").render(
        report=report,
        charts=charts(report),
        topics=groups(report.exams, "by_topic"),
        provenance_rows=[(name, line(value)) for name, value in provenance.items() if name not in SHOWN_ELSEWHERE],
        config=provenance.get("config"),
        finished=provenance.get("finished"),
    )


def charts(report: Report) -> dict[str, Chart]:
    """Draw the charts the report has data for."""
    exams = report.exams
    tiers, topics = groups(exams, "by_tier"), groups(exams, "by_topic")
    losses = {arm.name: arm.training.losses for arm in report.arms if arm.training.losses}
    found = {"exam": chart(lambda: exam_chart(exams))}
    if len(tiers) > 1:
        found["tiers"] = chart(
            lambda: group_chart(tiers, {e.author: e.by_tier for e in exams if e.by_tier}, "difficulty")
        )
    if 1 < len(topics) <= TOPICS_IN_CHART:
        found["topics"] = chart(
            lambda: group_chart(topics, {e.author: e.by_topic for e in exams if e.by_topic}, "topic")
        )
    if losses:
        found["losses"] = chart(lambda: loss_chart(losses))
    return found


def chart(draw: Callable[[], str]) -> Chart:
    """Draw a chart, or say why it cannot be: a course is not lost because a picture of it fails."""
    try:
        return Chart(image=as_image(draw(), SVG))
    except Exception as error:  # matplotlib's failures are of many kinds
        log.warning("A chart of the report could not be drawn.", exc_info=True)
        return Chart(problem=f"{type(error).__name__}: {error}")


def groups(exams: Sequence[ReportCard], kind: str) -> list[str]:
    """Return the names of the groups any exam has, in order of first appearance."""
    return list(dict.fromkeys(name for exam in exams for name in getattr(exam, kind)))


def count(number: int | None) -> str:
    """Write a count with thin groups of three; an unknown one as "not counted"."""
    return "not counted" if number is None else f"{number:,}"


def duration(seconds: float | None) -> str:
    """Write a duration.

    >>> duration(75.2)
    '1 min 15 s'
    """
    if seconds is None:
        return "not measured"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def dollars(amount: float) -> str:
    """Write an amount of money, with more digits for small ones.

    >>> dollars(0.0123)
    '$0.0123'
    """
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"


def line(value: JSON) -> str:
    """Write a provenance value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {line(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(line, value))
    return "none" if value is None else str(value)
