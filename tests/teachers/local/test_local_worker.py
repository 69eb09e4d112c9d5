"""The worker around a model that only counts: batches, memory, errors, closing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, cast

import pytest
import torch

from lessons.errors import CallFailed
from lessons.records import Message
from teachers.backend import JSON, Request
from teachers.local.batched_generation import LocalModel
from teachers.local.generation_stats import GenerationStats
from teachers.local.local_worker import LocalWorker
from teachers.local.request_batches import Group, Row


class FakeModel:
    """Answers with the question; has room for so many rows."""

    def __init__(self, room: int = 1_000, error: Callable[[], Exception] = torch.OutOfMemoryError) -> None:
        self.room = room
        self.error = error
        self.tried: list[int] = []
        self.open = threading.Event()
        self.open.set()

    def group(self, requests: Sequence[Request], futures: Sequence[Future[JSON]]) -> Group:
        text = requests[0].messages[0].content
        if not text:
            raise ValueError("empty")
        return Group([Row(request, [1] * len(text), future) for request, future in zip(requests, futures, strict=True)])

    def complete(self, rows: Sequence[Row], stats: GenerationStats) -> list[JSON]:
        self.open.wait()
        self.tried.append(len(rows))
        if len(rows) > self.room:
            raise self.error()
        stats.batches += 1
        return [{"text": row.request.messages[0].content, "sample": row.request.sample} for row in rows]


def worker(model: FakeModel, batch_size: int = 8) -> LocalWorker:
    return LocalWorker(lambda: cast("LocalModel", model), batch_size, 0.2)


def request(text: str, sample: int = 0) -> Request:
    return Request((Message("user", text),), sample=sample)


def answers(worker: LocalWorker, texts: list[str]) -> list[Any]:
    futures = [future for text in texts for future in worker.submit([request(text)])]
    worker.close()
    return [future.exception() or future.result()["text"] for future in futures]


TEXTS = ["x" * (1 + 7 * k % 19) for k in range(40)]


def test_everybody_gets_their_own_answer() -> None:
    model = FakeModel()
    assert answers(worker(model), TEXTS) == TEXTS
    assert model.tried == [8] * 5


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError,
        MemoryError,
        lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_a_batch_that_memory_cannot_hold_is_halved_for_good(error: Any, caplog: pytest.LogCaptureFixture) -> None:
    model = FakeModel(room=3, error=error)
    found = worker(model, batch_size=16)
    assert answers(found, TEXTS) == TEXTS
    assert model.tried[:3] == [16, 8, 4]
    assert max(model.tried[3:]) <= 2, "what did not fit is not tried again"
    assert found.most_rows == 2
    assert "Memory ran out with 4 rows at once; going on with at most 2. Set batch_size: 2" in caplog.text
    again = ["later"] * 6
    assert answers(found, again) == again
    assert model.tried[-3:] == [2, 2, 2]


def test_a_single_row_without_room_fails_with_a_reason() -> None:
    (failure,) = answers(worker(FakeModel(room=0)), ["abc"])
    assert isinstance(failure, CallFailed)
    assert "Memory ran out with a single row (3 tokens read, at most 1024 written)" in str(failure)
    assert "Lower max_output_tokens" in str(failure)


def test_another_error_fails_the_batch_only_and_is_not_tried_again() -> None:
    model = FakeModel(room=3, error=lambda: RuntimeError("broken kernel"))
    found = worker(model, batch_size=4)
    assert all("broken kernel" in str(failure) for failure in answers(found, ["a"] * 4))
    assert (model.tried, found.most_rows) == ([4], 4)
    assert answers(found, ["b"] * 3) == ["b"] * 3


def test_what_cannot_be_read_fails_alone() -> None:
    first, second, third = answers(worker(FakeModel()), ["a", "", "b"])
    assert (first, third) == ("a", "b")
    assert isinstance(second, ValueError)


def test_samples_stay_together_and_may_be_more_than_a_batch() -> None:
    model = FakeModel()
    found = worker(model, batch_size=4)
    futures = found.submit([request("q", sample) for sample in range(6)])
    found.close()
    assert [future.result()["sample"] for future in futures] == list(range(6))
    assert model.tried == [3, 3]


def test_who_no_longer_waits_is_left_out() -> None:
    model = FakeModel()
    model.open.clear()
    found = worker(model, batch_size=1)
    first, *rest = [found.submit([request(text)])[0] for text in "abc"]
    while not first.running():
        threading.Event().wait(0.001)
    rest[0].cancel()
    model.open.set()
    found.close()
    assert rest[1].result()["text"] == "c"
    assert len(model.tried) == 2
