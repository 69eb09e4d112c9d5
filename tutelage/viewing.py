"""What `tutelage show` prints: one view for each kind of file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rich.console import RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from lessons.errors import DataError
from lessons.report_card import Cell, ReportCard
from lessons.tables import read_annotations, read_attempts, read_prompts
from tutelage.planning import PICTURE
from tutelage.report.page import count, dollars
from tutelage.report.storage import read_report
from tutelage.report.teaching import count_annotations, count_spending
from tutelage.report.verdicts import percent

__all__ = ["view"]

KNOWN = (
    "a course's, round's or arm's folder, a ledger (.sqlite), prompts.parquet, lessons.parquet, attempts.parquet, "
    "signals.parquet, curriculum.parquet, curriculum.json, report.json, critic.json, loops.parquet"
)


def view(path: Path, rows: int, lesson: str | None) -> Iterator[RenderableType]:
    """Yield what there is to see at a path.

    Raises:
        DataError: It is nothing that a course writes.
    """
    if path.is_dir():
        yield from view_folder(path, rows, lesson)
    elif path.suffix == ".sqlite":
        yield from view_ledger(path, rows)
    elif path.suffix == ".parquet":
        yield from view_table(path, rows, lesson)
    elif path.name == "curriculum.json":
        yield from view_curriculum(path.parent, lesson)
    elif path.name == "report.json":
        yield from view_report(path)
    elif path.name == "critic.json":
        yield escape(critic_text(path))
    else:
        raise DataError(
            f"{path} is nothing to show. Known are {KNOWN}. For a report.html or a picture add --browser true."
        )


def view_folder(path: Path, rows: int, lesson: str | None) -> Iterator[RenderableType]:
    """Show a course's latest round, a round, or an arm."""
    rounds = sorted(path.glob("round-*/report.json"))
    if rounds:
        yield from view_report(rounds[-1])
    elif (path / "curriculum.json").exists():
        yield from view_curriculum(path, lesson)
        if (path / "report.json").exists():
            yield from view_report(path / "report.json")
    elif (path / "report.json").exists():
        yield from view_report(path / "report.json")
    elif (path / "critic.json").exists():
        yield escape(critic_text(path / "critic.json"))
    elif (path / "lessons.parquet").exists():
        yield from view_table(path / "lessons.parquet", rows, lesson)
    elif (path / "course.yaml").exists():
        yield f"{escape(str(path))}: no round is finished yet. Run `tutelage course --config {path}/course.yaml`."
    else:
        raise DataError(f"The folder {path} holds nothing to show. Known are {KNOWN}.")


def view_table(path: Path, rows: int, lesson: str | None) -> Iterator[RenderableType]:
    """Show a Parquet file by the columns it has."""
    names = set(pq.read_schema(path).names)
    if "stage" in names:
        yield from view_curriculum(path.parent, lesson)
    elif "kind" in names:
        yield from view_lessons(path, rows)
    elif "author" in names:
        yield from view_attempts(path, rows)
    elif "messages" in names:
        yield from view_prompts(path, rows)
    elif "lesson_id" in names:
        yield from view_curriculum(path.parent, lesson)
    else:
        raise DataError(
            f"{path} has the columns {', '.join(sorted(names))}, which no course writes. Known are {KNOWN}."
        )


def view_prompts(path: Path, rows: int) -> Iterator[RenderableType]:
    """Show the first prompts."""
    yield f"{pq.read_metadata(path).num_rows:,} prompts"
    for prompt in islice(read_prompts(path), rows):
        facts = f"reference {prompt.reference}, topic {prompt.topic}, difficulty {prompt.difficulty}"
        yield Panel(escape(prompt.question), title=escape(prompt.id), subtitle=escape(facts), title_align="left")


def view_lessons(path: Path, rows: int) -> Iterator[RenderableType]:
    """Show how many annotations there are of each kind, what they cost, and the first of them."""
    table = Table("annotation", "all", "verified", "rejected", "unusable", "not graded")
    for row in count_annotations([path]):
        cells = (row.total, row.verified, row.rejected, row.unusable, row.ungraded)
        table.add_row(escape(row.kind), *(f"{cell:,}" for cell in cells))
    yield table
    for bill in count_spending([path]):
        money = "price not known" if bill.dollars is None else dollars(bill.dollars)
        yield escape(f"{bill.teacher}: {bill.calls:,} calls, {bill.output_tokens:,} tokens written, {money}")
    for annotation in islice(read_annotations(path), rows):
        mark = annotation.problem or ("trusted" if annotation.trusted else "rejected")
        title = f"{annotation.prompt_id}  {annotation.kind} {annotation.sample}: {mark}"
        answer = "" if annotation.answer is None else f"\n-> {annotation.answer}"
        label = "" if annotation.value is None else f"\n-> {annotation.value:g}"
        colour = "green" if annotation.trusted else "red"
        yield Panel(
            escape(annotation.text + answer + label), title=escape(title), title_align="left", border_style=colour
        )


def view_attempts(path: Path, rows: int) -> Iterator[RenderableType]:
    """Show the first answers of an exam with their marks."""
    yield f"{pq.read_metadata(path).num_rows:,} answers"
    for attempt in islice(read_attempts(path), rows):
        right = attempt.grade is not None and attempt.grade.correct
        cut = ", cut off" if attempt.truncated else ""
        title = f"{attempt.prompt_id} by {attempt.author}: {'right' if right else 'wrong'}{cut}"
        colour = "green" if right else "red"
        yield Panel(escape(attempt.text), title=escape(title), title_align="left", border_style=colour)


def view_curriculum(folder: Path, lesson: str | None) -> Iterator[RenderableType]:
    """Show a plan's facts, or why one lesson is where it is."""
    from curricula import Curriculum, explain, read_signals, summarise

    curriculum, signals = Curriculum.read(folder), read_signals(folder / "signals.parquet")
    if lesson is not None:
        yield escape(explain(curriculum, signals, lesson))
        return
    table = Table("plan", "", show_header=False)
    for what, value in summarise(curriculum, signals):
        table.add_row(escape(what), escape(value))
    yield table
    yield escape(f"Picture: {folder / PICTURE}")


def view_ledger(path: Path, rows: int) -> Iterator[RenderableType]:
    """Show what each teacher was paid for, and what failed last."""
    from teachers import Ledger

    table = Table("teacher", "replies", "failed calls", "tokens read", "tokens written", "dollars", "price unknown")
    with Ledger(path) as ledger:
        for identity in ledger.identities():
            found, who = ledger.totals(identity), json.loads(identity)
            name = " ".join(str(who[key]) for key in ("provider", "model", "endpoint") if who.get(key))
            known = found.replies > found.unpriced
            table.add_row(
                escape(name),
                count(found.replies),
                count(found.failed_attempts),
                count(found.input_tokens),
                count(found.output_tokens),
                dollars(found.cost_dollars) if known or not found.replies else "not known",
                count(found.unpriced),
            )
        yield table
        failed = list(ledger.attempts())[-rows:] if rows else []
    for attempt in failed:
        billed = " (may have been billed)" if attempt.maybe_billed else ""
        yield escape(f"failed: {attempt.key[:12]} {attempt.reason}{billed}")


def view_report(path: Path) -> Iterator[RenderableType]:
    """Show the marks of a round, or of one exam."""
    found = read_report(path)
    if "arms" not in found:
        yield from view_card(ReportCard.from_json(found))
        return
    yield escape(f"{found['course']}, round {found['round']}")
    cards = [*(arm["exam"] for arm in found["arms"]), *found["others"]]
    yield marks_table("author", {card["author"]: Cell(**card["overall"]) for card in cards})
    yield training_table(found["arms"])
    for sentence in found["verdicts"]:
        yield escape(sentence)
    for bill in found["spending"]:
        money = "price not known" if bill["dollars"] is None else dollars(bill["dollars"])
        yield escape(f"{bill['teacher']}: {bill['calls']:,} calls, {bill['output_tokens']:,} tokens written, {money}")
    yield escape(f"Page: {path.parent / 'report.html'}")


def critic_text(path: Path) -> str:
    """Return what an examination of a critic found: the table that the command printed, else the figures as they are.

    Raises:
        DataError: The file is no report on a critic.
    """
    found = read_report(path)
    record = path.parent / "steps" / path.name
    notes = json.loads(record.read_text(encoding="utf-8")).get("notes") if record.exists() else None
    return str(notes["text"]) if notes else json.dumps(found, indent=1, ensure_ascii=False)


def view_card(card: ReportCard) -> Iterator[RenderableType]:
    """Show one author's marks."""
    yield marks_table("author", {card.author: card.overall})
    for label, cells in (("difficulty", card.by_tier), ("topic", card.by_topic)):
        if cells:
            yield marks_table(label, cells)


def marks_table(label: str, cells: dict[str, Cell]) -> Table:
    """Return a table of marks."""
    table = Table(label, "right", "of", "accuracy", "95% interval")
    for name, cell in cells.items():
        interval = f"{percent(cell.low)} to {percent(cell.high)}"
        table.add_row(escape(name), str(cell.correct), str(cell.total), percent(cell.accuracy), interval)
    return table


def training_table(arms: list[dict[str, Any]]) -> Table:
    """Return a table of what each arm's training took."""
    table = Table("arm", "trains on", "lessons", "updates", "processed tokens", "supervised tokens", "seconds")
    for arm in arms:
        took = arm["training"]
        table.add_row(
            escape(arm["name"]),
            escape(arm["description"]),
            *(count(took[key]) for key in ("lessons", "updates", "processed_tokens", "supervised_tokens")),
            "" if took["seconds"] is None else f"{took['seconds']:.0f}",
        )
    return table
