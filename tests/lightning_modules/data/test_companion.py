from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lessons.errors import CheckpointMismatch
from lessons.lesson_set import LessonSet
from lightning_modules import CurriculumDataModule, SupervisedModule
from lightning_modules.data.collate import Batch, Weighted
from lightning_modules.data.companion import Companion
from lightning_modules.data.rendered import RenderedLessons
from students import Student, TwoTask


class NextTokens(Companion):
    """Looks up, in the rendered lessons, the token that every supervised position must predict."""

    def __init__(self, rendered: RenderedLessons, fingerprint: str = "next tokens") -> None:
        self.rendered = rendered
        self.stamp = fingerprint

    @property
    def fingerprint(self) -> str:
        return self.stamp

    def extras(self, numbers: Any, sequences: Sequence[Weighted]) -> dict[str, Tensor]:
        if not sequences:
            return {"next": torch.zeros(1, dtype=torch.int64), "numbers": torch.zeros(0, dtype=torch.int64)}
        found = [self.rendered.sequence(number) for number in numbers]
        assert all((mine.tokens == given.sequence.tokens).all() for mine, given in zip(found, sequences, strict=True))
        tokens = np.concatenate([tokens[weights > 0] for tokens, weights, _ in found])
        return {"next": torch.from_numpy(tokens.astype(np.int64)), "numbers": torch.from_numpy(numbers)}


class Looking(SupervisedModule):
    """Trains as ever, and compares what came along with what is to be learnt."""

    def companion(self, rendered: RenderedLessons, lessons: LessonSet) -> Companion:
        assert set(rendered.ids) <= set(lessons.ids)
        self.rendered, self.seen = rendered, 0
        return NextTokens(rendered)

    def token_losses(self, batch: Batch) -> Tensor:
        assert batch.extras["next"].tolist() == batch.targets.tolist()
        numbers = batch.plan.sequence_numbers
        assert batch.extras["numbers"].tolist() == list(numbers)
        starts = self.rendered.first_sequence
        assert all(
            starts[lesson] <= k < starts[lesson + 1]
            for k, lesson in zip(numbers, batch.plan.sequence_lessons, strict=True)
        )
        self.seen += len(numbers)
        if batch.plan.closes_update:
            assert self.seen == batch.plan.update_sequences
            self.seen = 0
        return super().token_losses(batch)


@pytest.mark.parametrize(("micro_batches", "workers"), [(2, 0), (8, 2)])
def test_every_micro_batch_brings_what_its_companion_adds(
    fit: Callable[..., Any], tiny: Callable[..., Student], micro_batches: int, workers: int
) -> None:
    module = Looking(tiny())
    plain = fit(2, "64-true", rendering=TwoTask())
    seen = fit(micro_batches, "64-true", rendering=TwoTask(), module=module, workers=workers)
    assert seen.losses == pytest.approx(plain.losses, rel=1e-9)


def test_a_run_is_not_resumed_with_another_companion(
    data: Callable[..., CurriculumDataModule], tiny: Callable[..., Student]
) -> None:
    module = data(8)
    batches = module.build(tiny().encoder)
    module.batches = replace(batches, companion=NextTokens(batches.lessons))
    state = module.state_dict()
    module.load_state_dict(state)
    module.batches = replace(batches, companion=NextTokens(batches.lessons, "others"))
    with pytest.raises(CheckpointMismatch, match="trained on other data"):
        module.load_state_dict(state)
