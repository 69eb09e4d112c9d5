"""Records as Parquet files: streamed in row groups, renamed into place when complete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lessons.errors import DataError
from lessons.files import staged
from lessons.records import Annotation, Attempt, Prompt
from lessons.rows import (
    ANNOTATION_SCHEMA,
    ATTEMPT_SCHEMA,
    PROMPT_SCHEMA,
    Row,
    annotation_from_row,
    annotation_to_row,
    attempt_from_row,
    attempt_to_row,
    prompt_from_row,
    prompt_to_row,
)

__all__ = [
    "ANNOTATION_SCHEMA",
    "ATTEMPT_SCHEMA",
    "PROMPT_SCHEMA",
    "read_annotations",
    "read_attempts",
    "read_prompts",
    "read_table",
    "write_annotations",
    "write_attempts",
    "write_prompts",
]

ROWS_PER_GROUP = 2_000


def write_rows(path: str | Path, schema: pa.Schema, rows: Iterable[Row]) -> int:
    """Stream rows into a Parquet file that appears only when complete; return how many there were."""
    count = 0
    with staged(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        group: list[Row] = []
        for row in rows:
            group.append(row)
            count += 1
            if len(group) == ROWS_PER_GROUP:
                writer.write_table(pa.Table.from_pylist(group, schema))
                group = []
        if group or not count:
            writer.write_table(pa.Table.from_pylist(group, schema))
    return count


def read_table(path: str | Path, schema: pa.Schema) -> pa.Table:
    """Read a whole table this module wrote and check its columns.

    Raises:
        DataError: The file is missing, is not Parquet, or lacks a column.
    """
    with opened(Path(path), schema) as file:
        return file.read(columns=schema.names).select(schema.names).cast(schema)


def read_rows(path: str | Path, schema: pa.Schema) -> Iterator[Row]:
    """Yield the rows of a Parquet file one row group at a time, so that memory stays flat; errors as `read_table`."""
    with opened(Path(path), schema) as file:
        for batch in file.iter_batches(batch_size=ROWS_PER_GROUP, columns=schema.names):
            yield from batch.to_pylist()


def opened(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    """Open a Parquet file that must have the columns of `schema`."""
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError as error:
        raise DataError(f"No file {path}. Run the step that writes it first, or correct the path.") from error
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{path} is not a readable Parquet file: {error}. Run the step that writes it again."
        ) from error
    missing = [name for name in schema.names if name not in file.schema_arrow.names]
    if missing:
        file.close()
        raise DataError(
            f"{path} lacks the column(s) {', '.join(missing)}; it has {', '.join(file.schema_arrow.names)}. "
            "Write it again with this version of tutelage."
        )
    return file


def write_prompts(path: str | Path, prompts: Iterable[Prompt]) -> int:
    """Write prompts to a Parquet file; return the count."""
    return write_rows(path, PROMPT_SCHEMA, map(prompt_to_row, prompts))


def read_prompts(path: str | Path) -> Iterator[Prompt]:
    """Yield the prompts of a Parquet file in order."""
    return map(prompt_from_row, read_rows(path, PROMPT_SCHEMA))


def write_annotations(path: str | Path, annotations: Iterable[Annotation]) -> int:
    """Write annotations to a Parquet file (`lessons.parquet` of a round); return the count."""
    return write_rows(path, ANNOTATION_SCHEMA, map(annotation_to_row, annotations))


def read_annotations(path: str | Path) -> Iterator[Annotation]:
    """Yield the annotations of a Parquet file in order."""
    return map(annotation_from_row, read_rows(path, ANNOTATION_SCHEMA))


def write_attempts(path: str | Path, attempts: Iterable[Attempt]) -> int:
    """Write attempts to a Parquet file; return the count."""
    return write_rows(path, ATTEMPT_SCHEMA, map(attempt_to_row, attempts))


def read_attempts(path: str | Path) -> Iterator[Attempt]:
    """Yield the attempts of a Parquet file in order."""
    return map(attempt_from_row, read_rows(path, ATTEMPT_SCHEMA))
