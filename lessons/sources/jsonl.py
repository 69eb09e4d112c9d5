"""Prompts from a JSON Lines file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lessons.errors import DataError
from lessons.sources.file_source import FileSource
from lessons.sources.source_files import opened_bytes

__all__ = ["JSONLSource", "json_lines"]


class JSONLSource(FileSource):
    """Reads a file with one JSON object a line, streaming; ".gz" files too.

    Args:
        path: The file.
        columns: Which key is which field of a prompt.
        where: Keep only rows whose column has this value (or one of a list of values).
        skip: Leave out this many of the rows kept.
        limit: Yield at most this many prompts; None for all.
    """

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the lines' objects; blank lines are passed over."""
        return json_lines(self.path)


def json_lines(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ("file:line", object) of each line of a JSON Lines file.

    Raises:
        DataError: The file is missing, or a line is not a JSON object; the message names file and line.
    """
    with opened_bytes(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"{path}:{number}", json_object(line, f"{path}:{number}")


def json_object(line: bytes, place: str) -> dict[str, Any]:
    """Return the object of one line."""
    try:
        value = json.loads(line.decode("utf-8-sig"))  # Windows editors put a byte order mark first
    except (ValueError, RecursionError) as error:
        start = line[:80].decode("utf-8", "replace").strip()
        hint = " This looks like one JSON array over many lines: write one object a line." if start == "[" else ""
        raise DataError(
            f"{place}: broken JSON ({error}) in {start!r}; each line must be one JSON object in UTF-8.{hint} "
            "Correct or remove the line."
        ) from error
    if not isinstance(value, dict):
        raise DataError(
            f"{place}: a line holds {type(value).__name__} {str(value)[:80]!r}; each line must be one JSON object. "
            "Correct or remove the line."
        )
    return value
