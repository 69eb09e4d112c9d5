"""Which annotation belongs to which prompt, as row numbers of two tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lessons.errors import DataError

__all__ = ["ABSENT", "Rows", "first_per_prompt", "position_within", "row_of_prompt", "spread"]

Rows = npt.NDArray[np.int64]

ABSENT = -1
"""In the place of a row where there is none."""


def row_of_prompt(prompts: pa.Table, annotations: pa.Table) -> Rows:
    """Return, for every annotation, the row of its prompt."""
    repeated = prompts.num_rows - pc.count_distinct(prompts["id"]).as_py()
    if repeated:
        counts = pc.value_counts(prompts["id"]).to_pylist()
        first = next(entry["values"] for entry in counts if entry["counts"] > 1)
        raise DataError(
            f"{repeated} of the {prompts.num_rows} prompts have an id that an earlier one has, for example {first!r}; "
            "every id must come once. Drop repeats with lessons.unique, or correct the ids."
        )
    found = pc.index_in(annotations["prompt_id"], prompts["id"].combine_chunks())
    if found.null_count:
        stranger = annotations["prompt_id"].filter(pc.is_null(found))[0].as_py()
        raise DataError(
            f"An annotation names the prompt {stranger!r}, which is not among the {prompts.num_rows} prompts. "
            "Use the prompts.parquet that was written together with these annotations."
        )
    return np.asarray(found.to_numpy(), dtype=np.int64)


def first_per_prompt(candidates: Rows, prompt_of: Rows, samples: npt.NDArray[Any], limit: int) -> Rows:
    """Keep the `limit` candidates of each prompt with the lowest sample numbers, in prompt order."""
    ordered = candidates[np.lexsort((samples[candidates], prompt_of[candidates]))]
    return ordered[position_within(prompt_of[ordered]) < limit]


def position_within(groups: Rows) -> Rows:
    """Return each entry's 0-based position within its run of equal values.

    >>> position_within(np.array([4, 4, 7, 9, 9, 9])).tolist()
    [0, 1, 0, 0, 1, 2]
    """
    if not len(groups):
        return np.empty(0, np.int64)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))


def spread(rows: Rows, prompt_of: Rows, prompts: int) -> Rows:
    """Turn annotation rows (at most one a prompt) into one entry per prompt, -1 where there is none."""
    result = np.full(prompts, ABSENT, dtype=np.int64)
    result[prompt_of[rows]] = rows
    return result
