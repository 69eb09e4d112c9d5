"""One self-contained page from a report: no script, no other file, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2

from lessons.files import write_text
from lessons.report_card import ReportCard
from tutelage.report.pictures import as_image, exam_chart, group_chart, loss_chart
from tutelage.report.records import Report
from tutelage.report.verdicts import percent
from tutelage.settings import JSON

__all__ = ["render", "write_page"]

SVG = "image/svg+xml"
TOPICS_IN_CHART = 12
SHOWN_ELSEWHERE = ("config", "finished")


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


def charts(report: Report) -> dict[str, str]:
    """Draw the charts the report has data for; an absent one is an empty text."""
    exams = report.exams
    tiers, topics = groups(exams, "by_tier"), groups(exams, "by_topic")
    losses = {arm.name: arm.training.losses for arm in report.arms if arm.training.losses}
    return {
        "exam": as_image(exam_chart(exams), SVG),
        "tiers": as_image(group_chart(tiers, {e.author: e.by_tier for e in exams if e.by_tier}, "difficulty"), SVG)
        if len(tiers) > 1
        else "",
        "topics": as_image(group_chart(topics, {e.author: e.by_topic for e in exams if e.by_topic}, "topic"), SVG)
        if 1 < len(topics) <= TOPICS_IN_CHART
        else "",
        "losses": as_image(loss_chart(losses), SVG) if losses else "",
    }


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
