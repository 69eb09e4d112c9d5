from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons import LessonSet, RightAgainstWrong
from lightning_modules import DPO, PreferenceModule
from lightning_modules.data.rendered import RenderedLessons
from lightning_modules.preferences import preference_reference
from lightning_modules.preferences.preference_reference import batches, reference_sums
from students import Pairs, Student, render_all
from tests.lightning_modules.preference_round import write_round


@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=60))
def test_every_text_is_in_one_batch_that_is_no_larger_than_allowed(given_lengths: list[int]) -> None:
    lengths = np.array(given_lengths)
    order = np.argsort(-lengths, kind="stable")
    found = list(batches(order, lengths))
    assert np.concatenate(found).tolist() == order.tolist()
    for numbers in found:
        padded = len(numbers) * lengths[numbers].max()
        assert padded <= preference_reference.TOKENS_AT_ONCE or len(numbers) == 1


@pytest.mark.parametrize("world", [2, 3])
def test_the_shares_of_all_processes_add_up_and_each_runs_the_model_equally_often(
    tiny: Callable[..., Student],
    trainer: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    world: int,
) -> None:
    monkeypatch.setattr(preference_reference, "TOKENS_AT_ONCE", 200)  # several batches, not a multiple of either
    folder = write_round(tmp_path)
    lessons = LessonSet.read(folder / "prompts.parquet", folder / "lessons.parquet")
    rendering = Pairs(RightAgainstWrong(pairs_per_prompt=3))
    rendered = RenderedLessons.of(render_all(rendering, lessons, tiny().encoder).examples, tuple(rendering.parts))
    module = PreferenceModule(tiny(), DPO())
    module.configure_model()
    runs: list[int] = []

    def of_rank(rank: int, size: int) -> Any:
        whole: list[Any] = []
        strategy = SimpleNamespace(reduce=lambda sums, reduce_op: whole.append(sums) or sums)
        plugin = trainer().precision_plugin
        fake = SimpleNamespace(
            global_rank=rank, world_size=size, is_global_zero=False, precision_plugin=plugin, strategy=strategy
        )
        nll = type(module.split).nll
        monkeypatch.setattr(type(module.split), "nll", lambda *given: runs.append(rank) or nll(*given))
        part = SimpleNamespace(trainer=fake, split=module.split, student=module.student, device=module.device)
        sums = reference_sums(part, None, rendered)  # type: ignore[arg-type]
        monkeypatch.setattr(type(module.split), "nll", nll)
        return sums

    alone = of_rank(0, 1)
    runs.clear()
    assert sum(of_rank(rank, world) for rank in range(world)) == pytest.approx(alone, rel=1e-12)
    assert len({runs.count(rank) for rank in range(world)}) == 1
    assert (alone < 0).all()
