"""Whether a checkpoint belongs to the run at hand: what its settings and its length would have made otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lessons.errors import CheckpointMismatch

__all__ = ["differences", "refuse_other_length"]


def differences(before: Any, now: Any, name: str = "model") -> list[str]:
    """Describe where two nested settings differ.

    >>> differences({"lr": 1, "b": {"c": 2}}, {"lr": 2, "b": {"c": 2}})
    ['model.lr was 1, is 2']
    """
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        return [line for key in keys for line in differences(before.get(key), now.get(key), f"{name}.{key}")]
    return [] if before == now else [f"{name} was {before}, is {now}"]


def refuse_other_length(
    checkpoint: Mapping[str, Any], updates: int, pace: Callable[[int, int], tuple[float, ...]]
) -> None:
    """Refuse to go on in a longer or shorter run whose updates so far would have been others.

    Args:
        checkpoint: The checkpoint, with its `global_step` and `planned_updates`.
        updates: Updates of the run at hand.
        pace: All that hangs on how long a run is, at a 0-based update of a run with so many.

    Raises:
        CheckpointMismatch: They would.
    """
    before = checkpoint.get("planned_updates")
    if before is None or before == updates:
        return
    for update in range(checkpoint["global_step"]):
        if pace(update, before) != pace(update, updates):
            raise CheckpointMismatch(
                f"The checkpoint is of a run of {before} updates, this one has {updates}, and what is scheduled over "
                f"the run, such as the learning rate, would have been other at update {update + 1} already. A run is "
                "resumed with the same length. Restore trainer.max_steps, or start a new run from the exported student."
            )
