"""A report as JSON: everything the page shows but the pictures."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lessons.errors import DataError
from lessons.files import write_text
from tutelage.report.records import Report

__all__ = ["read_report", "write_report"]


def write_report(report: Report, path: Path) -> None:
    """Write a round's report.json."""
    facts = asdict(report)
    for arm in facts["arms"]:
        del arm["curriculum_picture"]  # it lies beside as curriculum.png
    write_text(path, json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_report(path: Path) -> dict[str, Any]:
    """Read a report.json, of a round or of one exam.

    Raises:
        DataError: It is missing or not JSON.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"No file {path}. Run the course or `tutelage evaluate` first, or correct the path.") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}). Write it again by running the course.") from error
    return found
