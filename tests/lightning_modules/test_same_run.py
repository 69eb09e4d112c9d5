from __future__ import annotations

import pytest

from lessons.errors import CheckpointMismatch
from lightning_modules.same_run import refuse_other_length


def test_only_the_updates_that_were_made_count() -> None:
    def pace(update: int, updates: int) -> tuple[float, ...]:
        return (1.0 if update < updates // 2 else 0.5,)

    refuse_other_length({"global_step": 2, "planned_updates": 4}, 8, pace)
    refuse_other_length({"global_step": 4, "planned_updates": 4}, 4, pace)
    refuse_other_length({"global_step": 4}, 8, pace)  # of a checkpoint from before it said so
    with pytest.raises(CheckpointMismatch, match=r"of a run of 4 updates, this one has 8, .* at update 3 already"):
        refuse_other_length({"global_step": 4, "planned_updates": 4}, 8, pace)
