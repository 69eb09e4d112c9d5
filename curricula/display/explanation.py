"""Why a lesson is where it is in a plan, or why it is not in it."""

from __future__ import annotations

import difflib

import numpy as np

from curricula.curriculum import Curriculum
from curricula.display.summary import check_pair, order_text, ordering_text
from curricula.display.wording import number, part_text, plural, times, unit
from curricula.signal_table import SignalTable
from curricula.signals.base import Column
from lessons.errors import DataError

__all__ = ["explain"]

MOST_PLACES = 6


def explain(curriculum: Curriculum, signals: SignalTable, lesson_id: str) -> str:
    """Say why a lesson is where it is, or why it is not in the plan.

    Raises:
        DataError: There is no such lesson.
    """
    check_pair(curriculum, signals)
    row = row_of(signals, lesson_id)
    lines = [left_out_text(signals, row) or placement_text(curriculum, lesson_id)]
    lines.append(f"Rule: {rule_text(curriculum)}; seed {curriculum.seed}.")
    if signals.rank is not None and signals.rank[row] >= 0 and curriculum.rule.get("follows_order", True):
        lines.append(
            f"In the order that is drawn from it is number {signals.rank[row] + 1:,} of {curriculum.selected:,}."
        )
    order_by = curriculum.rule["order_by"]
    for name in sorted(signals.columns, key=lambda name: name != order_by):
        lines.append(f"{name}: {score_text(signals.columns[name], row)}")
    return "\n".join(lines)


def row_of(signals: SignalTable, lesson_id: str) -> int:
    """Return the row of a lesson."""
    rows = np.flatnonzero(signals.lesson_ids == lesson_id)
    if not len(rows):
        near = difflib.get_close_matches(lesson_id, signals.lesson_ids.tolist(), 3) or signals.lesson_ids[:3].tolist()
        raise DataError(
            f"There is no lesson {lesson_id!r} among the {len(signals)} of this plan; there are for example "
            f"{', '.join(map(repr, near))}. Correct the id; a prompt left out when the lessons were read has none."
        )
    return int(rows[0])


def left_out_text(signals: SignalTable, row: int) -> str | None:
    """Say which selector left a lesson out, and why; None for one that was kept."""
    record = signals.left_out
    if record is None or record.reason[row] < 0:
        return None
    step, reason = record.reasons[int(record.reason[row])]
    text = (
        f"Lesson {signals.lesson_ids[row]!r} is not in the plan: {part_text(record.selectors[step])}, selector "
        f"{step + 1} of {len(record.selectors)}, left it out: {reason}"
    )
    twin = int(record.twin[row])
    return text + (f" ({signals.lesson_ids[twin]!r} stands for it)." if twin >= 0 else ".")


def placement_text(curriculum: Curriculum, lesson_id: str) -> str:
    """Say where a lesson comes."""
    found = np.flatnonzero(curriculum.lesson_ids == lesson_id)
    entries, drawn = curriculum.counts["entries"], curriculum.rule.get("mixture") is not None
    if not len(found) and drawn:
        return (
            f"Lesson {lesson_id!r} was not left out, but in {entries:,} draws it was never drawn: the mixture did not "
            "reach it, or by chance."
        )
    if not len(found):
        return (
            f"Lesson {lesson_id!r} is not in the plan: the plan stops after {entries:,} entries "
            f"({entries / curriculum.selected:.2f} passes), and in the order of that cut pass it would come later."
        )
    places = [place_text(curriculum, int(position)) for position in found[:MOST_PLACES]]
    if len(found) > MOST_PLACES:
        places.append(f"{len(found) - MOST_PLACES:,} more")
    listed = " and ".join([", ".join(places[:-1]), places[-1]]) if len(places) > 1 else places[0]
    preview = ", if it is drawn as foreseen: training draws by what it hears" if curriculum.rule.get("hears") else ""
    return f"Lesson {lesson_id!r} comes {times(len(found))}, at {listed}{preview}."


def place_text(curriculum: Curriculum, position: int) -> str:
    """Say what stands at one position."""
    place = f"{position + 1:,} of {curriculum.counts['entries']:,} "
    if curriculum.rule.get("mixture") is not None:
        update = position // int(curriculum.rule["lessons_per_update"])
        place += f"(update {update + 1:,}, stage {curriculum.stage[position] + 1}"
        if curriculum.view is not None:
            place += f", shown in view {curriculum.view[position]}"
        if curriculum.weight[position] != 1:
            place += f", weight {number(curriculum.weight[position])}"
        return place + ")"
    place += f"(pass {curriculum.pass_number[position] + 1}"
    if curriculum.tiers_per_pass > 1:
        place += f", tier {curriculum.tier[position] + 1} of {curriculum.tiers_per_pass}"
    return place + ")"


def rule_text(curriculum: Curriculum) -> str:
    """Say by what rule lessons are placed."""
    text = f"{ordering_text(curriculum)}, ordered by {order_text(curriculum)}"
    mixture = curriculum.rule.get("mixture")
    if mixture is None:
        return text
    drawn = f"{part_text(mixture)} draws {plural(curriculum.rule['lessons_per_update'], 'lesson')} an update"
    return f"{drawn} from {text}" if curriculum.rule.get("follows_order", True) else f"{drawn}, in no order"


def score_text(column: Column, row: int) -> str:
    """Say how one lesson's value compares with the others'."""
    value, known = column.values[row], column.values[~np.isnan(column.values)]
    if np.isnan(value):
        return f"no value ({column.missing:,} of {len(column.values):,} lessons have none)."
    ties = int((known == value).sum()) - 1
    if column.labels:
        return f"{column.labels[int(value)]}, with {plural(ties, 'other')}."
    below = float((known < value).mean())
    text = f"{number(value)}{unit(column)}, above {below:.0%} of the lessons with a value"
    return text + (f", tied with {plural(ties, 'other')} (ties are shuffled)." if ties else ".")
