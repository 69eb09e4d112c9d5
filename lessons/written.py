"""Everything that was written about a prompt, read from the table only when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from lessons.records import Annotation

__all__ = ["Written"]


class Written(Sequence[Annotation]):
    """The annotations of one prompt, in the order of their kinds and samples.

    Lessons are read in blocks. The first lesson of a block that is asked for them has all of the block's read at once;
    where nobody asks, nothing is read.

    Args:
        of_block: Returns, for every lesson of the block, the annotations of its prompt.
        position: Which lesson of the block this is.
    """

    def __init__(self, of_block: Callable[[], list[tuple[Annotation, ...]]], position: int) -> None:
        self.of_block = of_block
        self.position = position

    @overload
    def __getitem__(self, index: int) -> Annotation: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Annotation]: ...
    def __getitem__(self, index: int | slice) -> Annotation | Sequence[Annotation]:
        return self.of_block()[self.position][index]

    def __len__(self) -> int:
        return len(self.of_block()[self.position])
