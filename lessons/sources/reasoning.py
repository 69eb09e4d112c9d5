"""Procedural prompts from a reasoning-gym task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lessons.errors import ConfigError, DataError
from lessons.reasoning_tasks import BROKEN_SCORERS, METADATA_KEY, task_dataset
from lessons.records import Message, Prompt
from lessons.sources.base import PromptSource
from lessons.sources.columns import ColumnMap, lookup, number
from lessons.sources.tabular import AS_NAMED

__all__ = ["ReasoningGymSource"]


SEED_STRIDE = 1_000_000
"""The library seeds item k with seed + k, so neighbouring seeds share all items but one: an exam would leak."""


class ReasoningGymSource(PromptSource):
    """Draws prompts from a reasoning-gym task; grade them with `ReasoningTaskGrader`.

    The prompt's metadata holds what the task's scorer needs. Difficulty is left open unless a column is named: what
    the library calls difficulty is mostly the range of the configuration, not the level of the item.

    Args:
        task: The task's name, for example "chain_sum".
        size: How many prompts to draw, up to a million.
        seed: Seed of the draw, 0 or more; another seed makes other draws (for an exam). Small tasks may still draw the
            same question twice.
        config: Settings of the task, for example {"min_terms": 2}.
        columns: Only `topic`, `difficulty` (dotted names within the item: "metadata.num_terms") and `system` are used.
        skip: Leave out this many prompts at the start.
    """

    def __init__(
        self,
        task: str,
        size: int = 500,
        seed: int = 0,
        config: dict[str, Any] | None = None,
        columns: ColumnMap = AS_NAMED,
        skip: int = 0,
    ) -> None:
        self.task = task
        self.size = size
        self.seed = seed
        self.config = config
        self.columns = columns
        self.skip = skip

    def prompts(self) -> Iterator[Prompt]:
        """Yield the prompts in order; see `PromptSource.prompts`."""
        if self.task in BROKEN_SCORERS:
            raise ConfigError(
                f"The reasoning-gym task {self.task!r} is refused: its scorer is not to be trusted "
                f"({BROKEN_SCORERS[self.task]}). Choose another task."
            )
        if self.seed < 0 or self.size > SEED_STRIDE:
            raise ConfigError(
                f"ReasoningGymSource got seed={self.seed} and size={self.size}; allowed are a seed of 0 or more and a "
                f"size up to {SEED_STRIDE:,}. Correct the source's settings."
            )
        if not 0 <= self.skip < self.size:
            raise DataError(
                f"No prompts in the reasoning-gym task {self.task!r}: size is {self.size} and skip is {self.skip}. "
                "At least one must be left: raise size or lower skip."
            )
        config = self.config or {}
        # the grader needs the configuration, too, but neither seed nor size
        task_dataset(self.task, config)
        items = task_dataset(self.task, {**config, "seed": self.seed * SEED_STRIDE, "size": self.size})
        for position in range(self.skip, self.size):
            yield self.prompt(items[position], position, config)

    def prompt(self, item: dict[str, Any], position: int, config: dict[str, Any]) -> Prompt:
        """Turn one item of the task into a prompt."""
        place = f"reasoning-gym task {self.task}, item {position}"
        said = [Message("user", item["question"])]
        if self.columns.system is not None:
            said.insert(0, Message("system", self.columns.system))
        topic, difficulty = self.columns.topic, self.columns.difficulty
        metadata = {"task": self.task, "config": config, "metadata": item["metadata"]}
        return Prompt(
            id=f"{self.task}-{self.seed}-{position}",
            messages=tuple(said),
            reference=None if item["answer"] is None else str(item["answer"]),
            topic=self.task if topic is None else str(lookup(item, topic, place)),
            difficulty=None if difficulty is None else number(lookup(item, difficulty, place), place),
            metadata={METADATA_KEY: json.loads(json.dumps(metadata))},
        )
