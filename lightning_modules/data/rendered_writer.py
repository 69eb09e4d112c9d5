"""Puts rendered lessons together as they come: flat arrays that grow in memory, or in files that are mapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from students.renderings import Example

__all__ = ["GrowingArray", "RenderedWriter"]

BYTES_AT_ONCE = 2**26


class GrowingArray:
    """A flat array that grows at its end.

    Args:
        dtype: Type of its numbers.
        file: Where it lies, as .npy file that is memory-mapped when it is complete; None keeps it in memory.
    """

    def __init__(self, dtype: npt.DTypeLike, file: Path | None = None) -> None:
        self.dtype = np.dtype(dtype)
        self.length = 0
        self.pieces: list[npt.NDArray[Any]] = []
        self.path = file
        self.opened = file.open("w+b") if file is not None else None
        self.write_header()

    def write_header(self) -> None:
        """Write the length into the file; numpy leaves room for it to grow without moving what follows."""
        if self.opened is not None:
            self.opened.seek(0)
            header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.length,)}
            np.lib.format.write_array_header_1_0(self.opened, header)

    def append(self, values: npt.ArrayLike) -> None:
        """Add numbers at the end."""
        made = np.ascontiguousarray(values, self.dtype)
        self.length += len(made)
        if self.opened is None:
            self.pieces.append(made)
        else:
            self.opened.write(made.data)

    def take_over(self, other: GrowingArray) -> None:
        """Append all of another array, which is used up."""
        whole = other.complete()
        for start in range(0, len(whole), BYTES_AT_ONCE // self.dtype.itemsize):
            self.append(whole[start : start + BYTES_AT_ONCE // self.dtype.itemsize])
        if other.path is not None:
            other.path.unlink()

    def complete(self) -> npt.NDArray[Any]:
        """Return the whole array; nothing is added any more."""
        if self.opened is None or self.path is None:
            return np.concatenate(self.pieces) if self.pieces else np.empty(0, self.dtype)
        self.write_header()
        self.close()
        return np.load(self.path, mmap_mode="r") if self.length else np.empty(0, self.dtype)

    def close(self) -> None:
        """Close the file, complete or not."""
        if self.opened is not None:
            self.opened.close()


class ViewWriter:
    """The sequences of all lessons in one view.

    Args:
        numbers: The number of each part of the loss.
        folder: Where tokens and weights lie; None for in memory.
        ending: What tells this view's files from those of others.
    """

    def __init__(self, numbers: Mapping[str, int], folder: Path | None, ending: str) -> None:
        self.numbers = numbers
        self.tokens = GrowingArray(np.int32, folder and folder / f"tokens{ending}.npy")
        self.weights = GrowingArray(np.float32, folder and folder / f"weights{ending}.npy")
        self.lengths = GrowingArray(np.int64)
        self.parts = GrowingArray(np.int64)
        self.rewards = GrowingArray(np.float64)
        self.sequences = GrowingArray(np.int64)

    def add(self, lessons: Sequence[Sequence[Example]]) -> None:
        """Append the sequences of some lessons."""
        flat = [example for found in lessons for example in found]
        lengths = [len(example.input_ids) for example in flat]
        weights = np.fromiter(chain.from_iterable(e.weights for e in flat), np.float32, sum(lengths))
        weights[np.cumsum([0, *lengths[:-1]])] = 0.0  # nothing comes before a first token, so nothing can predict it
        self.tokens.append(np.fromiter(chain.from_iterable(e.input_ids for e in flat), np.int32, sum(lengths)))
        self.weights.append(weights)
        self.lengths.append(lengths)
        self.parts.append([self.numbers[example.part] for example in flat])
        self.rewards.append([np.nan if example.reward is None else example.reward for example in flat])
        self.sequences.append([len(found) for found in lessons])


class RenderedWriter:
    """Collects rendered lessons, in the order in which they are to be numbered.

    Args:
        part_names: The parts of the loss.
        views: In how many views each lesson comes.
        folder: Where the arrays of tokens and weights lie; None for in memory.
    """

    def __init__(self, part_names: Sequence[str], views: int = 1, folder: Path | None = None) -> None:
        self.part_names = tuple(part_names)
        numbers = {name: number for number, name in enumerate(part_names)}
        self.views = [ViewWriter(numbers, folder, f"-{view}" if view else "") for view in range(views)]
        self.ids: list[str] = []

    def add(self, examples: Mapping[str, Sequence[Example]]) -> None:
        """Append some lessons, by id."""
        if not examples:
            return
        self.ids.extend(examples)
        for view, writer in enumerate(self.views):
            writer.add([[example for example in found if example.view == view] for found in examples.values()])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of `RenderedLessons`, by name, one view after the other; nothing is added any more."""
        first, *others = self.views
        for other in others:
            first.tokens.take_over(other.tokens)
            first.weights.take_over(other.weights)
        rewards = self.joined("rewards")
        return {
            "tokens": first.tokens.complete(),
            "weights": first.weights.complete(),
            "starts": ends(self.joined("lengths")),
            "parts": self.joined("parts"),
            "first_sequence": ends(self.joined("sequences")),
            **({} if np.isnan(rewards).all() else {"rewards": rewards}),
        }

    def close(self) -> None:
        """Close all files, complete or not."""
        for view in self.views:
            view.tokens.close()
            view.weights.close()

    def joined(self, name: str) -> npt.NDArray[Any]:
        """Return one array of all views."""
        return np.concatenate([getattr(view, name).complete() for view in self.views])


def ends(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return where each of some runs begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
