from __future__ import annotations

import contextlib
import faulthandler
import gc
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lessons.errors import Stopped
from lessons.records import Annotation
from teachers import Budget, DifficultyAnnotator, Ledger, Limits, RationaleAnnotator, ScriptedBackend
from teachers.annotators.asking import Asking
from teachers.pipeline import HANDFULS_WAITING, Pipeline


def pipeline(folder: Path, prompts: Any, limits: Limits, latency_seconds: float = 0.0) -> Pipeline:
    teacher = ScriptedBackend("teachers.programs.addition:answer", latency_seconds=latency_seconds)
    return Pipeline(prompts, teacher, [DifficultyAnnotator()], None, folder / "l", limits, Budget())


def test_results_come_in_prompt_order(tmp_path: Path, sums: Any) -> None:
    with pipeline(tmp_path, iter(sums(300)), Limits(in_flight=3)) as running:
        found = [worked.annotations[0].prompt_id for worked in running]
    assert found == [prompt.id for prompt in sums(300)]


def test_what_is_made_for_a_prompt_goes_without_a_search_for_cycles(tmp_path: Path, sums: Any) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(2):  # bought, then from the ledger
            teacher = ScriptedBackend("teachers.programs.addition:answer")
            annotators = [RationaleAnnotator(samples=2), DifficultyAnnotator()]
            with Pipeline(sums(200), teacher, annotators, None, tmp_path / "l", Limits(), Budget()) as running:
                assert sum(len(worked.annotations) for worked in running) == 600
            del running
        left = [one for one in gc.get_objects() if isinstance(one, Annotation | Asking)]
    finally:
        gc.enable()
    assert left == []


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


class Slow:
    """A file of prompts that a run reads while it works, with a pause now and then, and an end that may be an error."""

    def __init__(self, prompts: Any, seed: int, breaks_at: int | None) -> None:
        self.prompts = prompts
        self.random = random.Random(seed)
        self.breaks_at = breaks_at

    def __iter__(self) -> Any:
        for place, prompt in enumerate(self.prompts):
            if place == self.breaks_at:
                raise OSError("the file broke off")
            if self.random.random() < 0.005:
                time.sleep(0.001)
            yield prompt


def test_leaving_never_hangs_when_results_outrun_the_reader(tmp_path: Path, sums: Any) -> None:
    """Everything is in the ledger, so results pile up; whoever takes them stops: the run must end all the same.

    The feeding side once waited for room in the queue without looking whether anybody still took from it.
    """
    prompts = sums(3_000)
    with pipeline(tmp_path, prompts, Limits(in_flight=200)) as running:
        assert sum(1 for _ in running) == 3_000
    running = pipeline(tmp_path, prompts * 5, Limits())
    with within(20.0), running:
        while running.results.qsize() <= HANDFULS_WAITING:
            time.sleep(0.005)
    assert not running.thread.is_alive()


@pytest.mark.parametrize("seed", range(12))
def test_no_way_to_end_a_run_hangs(tmp_path: Path, sums: Any, seed: int) -> None:
    """Streamed prompts, a ledger that half knows them, and an end at a random moment in a random way."""
    generator = random.Random(seed)
    prompts = sums(generator.choice([0, 1, 300, 1_500]))
    with pipeline(tmp_path, prompts[::2], Limits(in_flight=50)) as running:
        list(running)
    breaks_at = generator.choice([None, None, generator.randrange(len(prompts) + 1)])
    source = Slow(prompts * 3, seed, breaks_at)
    running = pipeline(
        tmp_path, source, Limits(in_flight=generator.choice([1, 7, 100])), generator.choice([0.0, 0.002])
    )
    way = generator.choice(["to the end", "leave", "stop", "cancel", "error"])
    most = generator.randrange(len(prompts) * 3 + 1)
    with within(60.0), contextlib.suppress(Stopped, OSError, ZeroDivisionError), running:
        for place, _ in enumerate(running):
            if place < most or way == "to the end":
                continue
            if way == "leave":
                break
            if way == "error":
                raise ZeroDivisionError
            if way == "stop":
                running.stop(Stopped("enough"))
            if way == "cancel":
                running.cancel()
    assert not running.thread.is_alive()


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Show where every thread is and end the process if the block hangs: a hang in a join cannot be raised out of."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
