"""A store of logits, read: memory-mapped, found by what a sequence is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lessons.errors import ConfigError, DataError
from students.logit_store.layout import Ints, Keys, Stamp, shard_path, tokenizer_hashes

if TYPE_CHECKING:
    from students.student import Student

__all__ = ["LogitStore"]

Records = npt.NDArray[Any]


class LogitStore:
    """What a teacher said about rendered lessons, written by `tutelage logits`.

    Args:
        path: The store's folder.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def folder(self) -> Path:
        """Where the store is."""
        return Path(self.path)

    @cached_property
    def stamp(self) -> Stamp:
        """What the store holds.

        Raises:
            DataError: There is no store.
        """
        return Stamp.read(self.folder)

    def check(self, student: Student) -> None:
        """Refuse a store that is not finished, or whose token ids are not the student's.

        Raises:
            DataError: Shards are missing.
            ConfigError: The student has another vocabulary.
        """
        stamp = self.stamp
        missing = [number for number in range(stamp.shards) if not shard_path(self.folder, number).exists()]
        if missing:
            raise DataError(
                f"The logits in {self.folder} are not finished: {len(missing)} of {stamp.shards} shards are missing, "
                f"the first is {shard_path(self.folder, missing[0]).name}. Needed are all. Run the same "
                "`tutelage logits` command again; it goes on where it stopped."
            )
        if tokenizer_hashes(student)["vocabulary"] != stamp.vocabulary:
            raise ConfigError(
                f"The logits in {self.folder} are about the {stamp.vocabulary_size} tokens of {stamp.teacher}, and "
                f"{student.weights.name} has another vocabulary ({len(student.tokenizer)} tokens): the ids mean "
                "something else. Allowed is a store made with the student's very vocabulary. Store the logits of a "
                "teacher of the student's family, or train on texts with lightning_modules.SupervisedModule."
            )

    def find(self, keys: Keys) -> Ints:
        """Return the number of each sequence's first position in the store, -1 where it is not there, [sequences].

        Args:
            keys: What `key_of` gives for each sequence.
        """
        mine = np.load(self.folder / "keys.npy")
        order = np.argsort(mine)
        places = np.minimum(np.searchsorted(mine, keys, sorter=order), len(mine) - 1)
        found = order[places]
        return np.where(mine[found] == keys, self.starts[found], -1)

    @cached_property
    def starts(self) -> Ints:
        """The number of each sequence's first position, and one past the last one's last, [sequences + 1]."""
        loaded: Ints = np.load(self.folder / "starts.npy")
        return loaded

    @cached_property
    def shard_starts(self) -> Ints:
        """The number of each shard's first position, [shards]."""
        return self.starts[: -1 : self.stamp.sequences_per_shard]

    @cached_property
    def shards(self) -> dict[int, Records]:
        """The shards that were opened so far, memory-mapped."""
        return {}

    def read(self, firsts: Sequence[int] | Ints, counts: Sequence[int] | Ints) -> Records:
        """Return the records of some sequences, one after the other, [positions].

        Args:
            firsts: What `find` gives for each, [sequences].
            counts: How many positions each has, [sequences].
        """
        pieces = [np.empty(0, self.stamp.record)]
        for first, count in zip(firsts, counts, strict=True):
            number = int(np.searchsorted(self.shard_starts, first, side="right")) - 1
            if number not in self.shards:
                self.shards[number] = np.load(shard_path(self.folder, number), mmap_mode="r")
            begin = first - self.shard_starts[number]
            pieces.append(self.shards[number][begin : begin + count])
        return np.concatenate(pieces)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}  # a pickled memory map would be the whole file
