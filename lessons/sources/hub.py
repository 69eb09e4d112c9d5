"""Prompts from a Hugging Face data set, by name or from a folder on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lessons.errors import DataError
from lessons.hub import unreachable_reason
from lessons.sources.columns import ColumnMap
from lessons.sources.tabular import AS_NAMED, TabularSource

__all__ = ["HubSource"]

ROWS_AT_ONCE = 1_000  # measured: row by row is 100 times slower
DATA_ENDINGS = {".jsonl": "JSONLSource", ".csv": "CSVSource", ".parquet": "ParquetSource"}


class HubSource(TabularSource):
    """Reads a data set with the `datasets` library.

    Args:
        name: A name on the hub ("openai/gsm8k"), or a folder written by `save_to_disk`.
        config: The data set's configuration ("main"); None where it has only one.
        split: The split to read.
        revision: Branch, tag or commit to pin; None for the newest.
        columns: Which column is which field of a prompt.
        where: Keep only rows whose column has this value (or one of a list of values).
        skip: Leave out this many of the rows kept.
        limit: Yield at most this many prompts; None for all.
    """

    def __init__(
        self,
        name: str,
        config: str | None = None,
        split: str = "train",
        revision: str | None = None,
        columns: ColumnMap = AS_NAMED,
        where: dict[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> None:
        super().__init__(columns, where, skip, limit)
        self.name = name
        self.config = config
        self.split = split
        self.revision = revision

    @property
    def label(self) -> str:
        """The data set's short name and the split."""
        return f"{Path(self.name).name}/{self.split}"

    @property
    def origin(self) -> str:
        """The data set's name and the split."""
        return f"{self.name}, split {self.split}"

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the rows of the split."""
        folder = Path(self.name).expanduser()
        table = self.from_disk(folder) if folder.exists() else self.from_hub()
        number = 0
        for columns in table.iter(batch_size=ROWS_AT_ONCE):
            for values in zip(*columns.values(), strict=True):
                yield f"{self.origin}, row {number}", dict(zip(columns, values, strict=True))
                number += 1

    def from_disk(self, folder: Path) -> Any:
        """Open a folder written by `save_to_disk`."""
        if not (folder / "state.json").exists() and not (folder / "dataset_dict.json").exists():
            files = [folder] if folder.is_file() else sorted(folder.iterdir())
            better = sorted({DATA_ENDINGS[file.suffix] for file in files if file.suffix in DATA_ENDINGS})
            raise DataError(
                f"{folder} was not written by save_to_disk, which is what HubSource reads from disk. "
                f"For files use {' or '.join(better or sorted(DATA_ENDINGS.values()))}."
            )
        from datasets import DatasetDict, load_from_disk

        found = load_from_disk(str(folder))
        return self.one_split(found) if isinstance(found, DatasetDict) else found

    def one_split(self, found: Any) -> Any:
        """Return the wanted split of a data set with several."""
        if self.split not in found:
            raise DataError(
                f"{self.name} has no split {self.split!r}; it has {', '.join(map(repr, found))}. Name one with `split`."
            )
        return found[self.split]

    def from_hub(self) -> Any:
        """Download the data set, or take it from the local cache."""
        import datasets

        cached = Path(datasets.config.HF_DATASETS_CACHE) / self.name.replace("/", "___").lower()
        reason = None if any(cached.parent.glob(f"{cached.name}*")) else unreachable_reason(self.name, "dataset")
        if reason is None:
            try:
                return datasets.load_dataset(self.name, self.config, split=self.split, revision=self.revision)
            except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
                reason = str(error) or type(error).__name__
        raise DataError(
            f"Cannot read the data set {self.name!r} (config {self.config!r}, split {self.split!r}): {reason} "
            "A name on the hub or a folder written by save_to_disk is allowed; local files are read by JSONLSource, "
            "CSVSource and ParquetSource."
        )
