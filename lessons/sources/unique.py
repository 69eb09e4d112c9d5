"""Drop prompts that come twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from lessons.errors import DataError
from lessons.records import Prompt
from lessons.rows import prompt_to_row

__all__ = ["unique"]


def unique(prompts: Iterable[Prompt]) -> Iterator[Prompt]:
    """Yield each prompt once, in order of first appearance; exact repeats are dropped.

    Raises:
        DataError: Two prompts share an id but not their content.
    """
    seen: dict[str, tuple[bytes, int]] = {}
    for position, prompt in enumerate(prompts):
        content = json.dumps(prompt_to_row(prompt), sort_keys=True).encode()
        digest = hashlib.blake2b(content, digest_size=16).digest()
        first = seen.setdefault(prompt.id, (digest, position))
        if first[1] == position:
            yield prompt
        elif first[0] != digest:
            raise DataError(
                f"Two different prompts have the id {prompt.id!r}: the {first[1] + 1}. and the {position + 1}. "
                f"(which asks {prompt.question[:80]!r}). An id must name one prompt: correct the data, name another "
                "column with columns.id, or set it to null to number the rows."
            )
