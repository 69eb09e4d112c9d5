"""What the sources share that read rows from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lessons.sources.columns import ColumnMap
from lessons.sources.tabular import AS_NAMED, TabularSource

__all__ = ["FileSource"]


class FileSource(TabularSource):
    """Turns the rows of a file into prompts.

    Args:
        path: The file.
        columns: Which column is which field of a prompt.
        where: Keep only rows whose column has this value (or one of a list of values).
        skip: Leave out this many of the rows kept.
        limit: Yield at most this many prompts; None for all.
    """

    def __init__(
        self,
        path: str,
        columns: ColumnMap = AS_NAMED,
        where: dict[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> None:
        super().__init__(columns, where, skip, limit)
        self.path = path

    @property
    def label(self) -> str:
        """The file's name without its ending."""
        return Path(self.path).name.split(".")[0]

    @property
    def origin(self) -> str:
        """The file's path."""
        return str(self.path)
