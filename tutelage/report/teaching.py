"""What the teacher wrote and what it cost, counted from the annotation tables, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lessons.tables import ANNOTATION_SCHEMA, read_table
from teachers.recordings import RECORDED
from tutelage.report.records import AnnotationCount, Spending

__all__ = ["count_annotations", "count_spending"]


def read_all(paths: Sequence[Path]) -> pa.Table:
    """Join the tables that exist."""
    tables = [read_table(path, ANNOTATION_SCHEMA) for path in paths if path.exists()]
    return pa.concat_tables(tables) if tables else ANNOTATION_SCHEMA.empty_table()


def count_annotations(paths: Sequence[Path]) -> tuple[AnnotationCount, ...]:
    """Count the annotations of each kind by what became of them."""
    table = read_all(paths)
    return tuple(count_kind(table, kind) for kind in sorted(table["kind"].unique().to_pylist()))


def count_kind(table: pa.Table, kind: str) -> AnnotationCount:
    """Count the annotations of one kind."""
    rows = table.filter(pc.equal(table["kind"], kind))
    readable = rows.filter(pc.is_null(rows["problem"]))
    graded = readable.filter(pc.is_valid(readable["grader"]))
    verified = int(pc.sum(graded["correct"]).as_py() or 0)
    return AnnotationCount(
        kind=kind,
        total=rows.num_rows,
        verified=verified,
        rejected=graded.num_rows - verified,
        unusable=rows.num_rows - readable.num_rows,
        ungraded=readable.num_rows - graded.num_rows,
    )


def count_spending(paths: Sequence[Path]) -> tuple[Spending, ...]:
    """Add up the calls behind the annotations, each call once however many annotations came of it.

    Counted by the request keys of this course's own tables, not by the ledger, which courses may share. Imported
    recordings are nobody's calls here.
    """
    table = read_all(paths).select(["teacher", "model", "request_key", "input_tokens", "output_tokens", "cost_dollars"])
    table = table.filter(pc.not_equal(table["teacher"], RECORDED))
    calls = table.group_by(["teacher", "model", "request_key"]).aggregate(
        [("input_tokens", "max"), ("output_tokens", "max"), ("cost_dollars", "max")]
    )
    sums = calls.group_by(["teacher", "model"], use_threads=False).aggregate(
        [
            ("request_key", "count"),
            ("input_tokens_max", "sum"),
            ("output_tokens_max", "sum"),
            ("cost_dollars_max", "sum"),
            ("cost_dollars_max", "count"),
        ]
    )
    return tuple(
        Spending(
            teacher=f"{row['teacher']} ({row['model']})",
            calls=row["request_key_count"],
            input_tokens=row["input_tokens_max_sum"] or 0,
            output_tokens=row["output_tokens_max_sum"] or 0,
            dollars=row["cost_dollars_max_sum"] if row["cost_dollars_max_count"] else None,
            unpriced_calls=row["request_key_count"] - row["cost_dollars_max_count"],
        )
        for row in sums.sort_by([("teacher", "ascending"), ("model", "ascending")]).to_pylist()
    )
