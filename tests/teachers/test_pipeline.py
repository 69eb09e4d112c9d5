from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import Stopped
from teachers import Budget, DifficultyAnnotator, Ledger, Limits, ScriptedBackend
from teachers.pipeline import Pipeline


def pipeline(folder: Path, prompts: Any, limits: Limits, latency_seconds: float = 0.0) -> Pipeline:
    teacher = ScriptedBackend("teachers.programs.addition:answer", latency_seconds=latency_seconds)
    return Pipeline(prompts, teacher, [DifficultyAnnotator()], None, folder / "l", limits, Budget())


def test_results_come_in_prompt_order(tmp_path: Path, sums: Any) -> None:
    with pipeline(tmp_path, iter(sums(300)), Limits(in_flight=3)) as running:
        found = [worked.annotations[0].prompt_id for worked in running]
    assert found == [prompt.id for prompt in sums(300)]


def test_prompts_are_not_read_far_ahead(tmp_path: Path, sums: Any) -> None:
    read = 0

    def counted() -> Any:
        nonlocal read
        for prompt in sums(5_000):
            read += 1
            yield prompt

    def stop_after_twenty(running: Pipeline) -> None:
        for position, _ in enumerate(running):
            assert read <= position + running.window + 200
            if position == 20:
                running.stop(Stopped("enough"))

    with pipeline(tmp_path, counted(), Limits(in_flight=2), 0.01) as running, pytest.raises(Stopped, match="enough"):
        stop_after_twenty(running)
    assert read < 1_000


def test_leaving_early_saves_the_calls_under_way(tmp_path: Path, sums: Any) -> None:
    with pipeline(tmp_path, iter(sums(200)), Limits(in_flight=8), 0.1) as running:
        time.sleep(0.35)
    with Ledger(tmp_path / "l") as ledger:
        replies = ledger.totals().replies
    assert 8 <= replies < 200
    assert running.counts.calls == replies


def test_breaking_off_does_not_wait(tmp_path: Path, sums: Any) -> None:
    with pipeline(tmp_path, sums(3), Limits(), 3_600.0) as running:
        time.sleep(0.2)
        running.cancel()
        with pytest.raises(Stopped, match="broken off"):
            list(running)
