"""What the sources that read rows share: filters, limits, ids and the errors for empty or missing files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from lessons.errors import ConfigError, DataError
from lessons.records import Prompt
from lessons.sources.base import PromptSource
from lessons.sources.columns import ColumnMap, lookup

__all__ = ["AS_NAMED", "TabularSource"]

AS_NAMED = ColumnMap()
"""The default mapping: columns "question" and "answer"."""


class TabularSource(PromptSource):
    """Turns rows into prompts: filter, skip, limit, map the columns.

    Args:
        columns: Which column is which field.
        where: Keep only rows whose column has this value (or one of a list of values).
        skip: Leave out this many of the rows kept.
        limit: Yield at most this many prompts; None for all.
    """

    def __init__(
        self,
        columns: ColumnMap = AS_NAMED,
        where: dict[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> None:
        self.columns = columns
        self.where = where
        self.skip = skip
        self.limit = limit

    @abstractmethod
    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield (place, row): the place names file and line for messages."""

    @property
    @abstractmethod
    def label(self) -> str:
        """A short name of the data, the first part of numbered ids."""

    @property
    @abstractmethod
    def origin(self) -> str:
        """Where the rows come from, for messages."""

    def prompts(self) -> Iterator[Prompt]:
        """Yield the prompts in order; see `PromptSource.prompts`."""
        if self.skip < 0 or (self.limit is not None and self.limit < 1):
            raise ConfigError(
                f"skip is {self.skip} and limit is {self.limit}; skip may be 0 or more, limit 1 or more, or null for "
                "all rows. Correct the source's settings."
            )
        total = passed = 0
        for place, row in self.rows():
            total += 1
            if not all(matches(lookup(row, name, place), wanted) for name, wanted in (self.where or {}).items()):
                continue
            passed += 1
            if passed <= self.skip:
                continue
            yield self.columns.prompt(row, place, f"{self.label}:{total - 1}")
            if passed - self.skip == self.limit:
                return
        if passed <= self.skip:
            raise DataError(
                f"No prompts in {self.origin}: {total} rows, {passed} of them pass where={self.where or {}}, "
                f"{self.skip} are skipped. At least one must be left: correct the file or these settings."
            )


def matches(value: Any, wanted: Any) -> bool:
    """Whether a cell has a wanted value; text of a number or truth value (CSV) equals the value itself."""
    if isinstance(wanted, list | tuple):
        return any(matches(value, one) for one in wanted)
    if isinstance(value, str) != isinstance(wanted, str) and value is not None and wanted is not None:
        return str(value).casefold() == str(wanted).casefold()
    return bool(value == wanted)
