"""Anthropic's message batches through the real SDK, against the emulated provider and lines made up here."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from provider import Event, Provider, serving

from lessons.errors import CallFailed
from lessons.records import Message
from teachers import AnthropicBackend, Request, Sampling
from teachers.batch_api import BatchResult, BatchStatus

T = TypeVar("T")
KEY = "planted-secret-8412"
TAG = "0123456789abcdef" * 2


def items(count: int, start: int = 0) -> list[tuple[str, Request]]:
    sampling = Sampling(max_output_tokens=50)
    return [(f"{k:040x}", Request((Message("user", f"{k}+1=?"),), sampling)) for k in range(start, start + count)]


def keys(count: int, start: int = 0) -> frozenset[str]:
    return frozenset(key for key, _ in items(count, start))


@pytest.fixture(autouse=True)
def planted_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)


WAITS: list[float] = []


async def quickly(seconds: float) -> None:
    WAITS.append(seconds)
    await asyncio.sleep(seconds / 50)


def use(provider: Provider, work: Callable[[AnthropicBackend], Awaitable[T]], **settings: Any) -> T:
    WAITS.clear()

    async def run() -> T:
        backend = AnthropicBackend("claude-test", provider.anthropic_url, "TEST_KEY", **settings)
        backend.connection.sleep = quickly  # type: ignore[assignment]
        try:
            return await work(backend)
        finally:
            await backend.aclose()

    return asyncio.run(run())


async def ended(api: Any, batch: str) -> BatchStatus:
    while (status := await api.status(batch)).state == "working":
        await asyncio.sleep(0.02)
    return status  # type: ignore[no-any-return]


async def collected(api: Any, batch: str) -> list[BatchResult]:
    return [result async for result in api.results(batch)]


async def there_and_back(backend: AnthropicBackend, count: int) -> tuple[BatchStatus, list[BatchResult]]:
    api = backend.batch_api
    batch = await api.submit(items(count), TAG)
    return await ended(api, batch), await collected(api, batch)


def test_a_batchs_replies_are_those_of_live_calls() -> None:
    async def work(backend: AnthropicBackend) -> tuple[Any, Any, Any]:
        live = [await backend.send(request) for _, request in items(5)]
        status, results = await there_and_back(backend, 5)
        return live, status, results

    with serving() as provider:
        live, status, results = use(provider, work)
    assert status == BatchStatus("ended", 5, 0)
    assert [result.key for result in results] != [key for key, _ in items(5)]  # any order
    backend = AnthropicBackend("claude-test")
    by_key = {result.key: result.raw for result in results}
    for (key, _), raw in zip(items(5), live, strict=True):
        assert set(by_key[key]) == set(raw)
        assert backend.read(by_key[key]) == backend.read(raw)


def test_a_batch_and_its_results_may_be_late() -> None:
    with serving(known_late_seconds=0.5, results_late_seconds=0.5, batch_seconds=0.1) as provider:
        status, results = use(provider, lambda backend: there_and_back(backend, 5))
    assert (status.done, len(results)) == (5, 5)
    assert WAITS[0] == 0.5


def test_what_stays_unknown_is_an_error_in_the_end() -> None:
    import anthropic

    with serving() as provider, pytest.raises(anthropic.NotFoundError):
        use(provider, lambda backend: backend.batch_api.status("msgbatch_none"))
    assert sum(WAITS) > 120


FATES = {"0": "errored", "1": "invalid", "2": "repeated", "3": "missing", "4": "expired"}


def test_errors_duplicates_and_omissions_of_a_batch() -> None:
    def fault(event: Event) -> str | None:
        return FATES.get(event.content[-1]) if event.place == "line" else None

    with serving(fault=fault) as provider:
        status, results = use(provider, lambda backend: there_and_back(backend, 8))
    found = {result.key[-1]: result for result in results}
    assert len(found) == len(results) == 7
    assert {key: (result.raw is not None, result.can_heal) for key, result in found.items()} == {
        "0": (False, True),
        "1": (False, False),
        "4": (False, True),
        **dict.fromkeys("2567", (True, False)),
    }
    assert (status.state, status.done, status.failed) == ("ended", 4, 3)


@pytest.mark.parametrize("fault", ["cut json", "no answer"])
def test_results_that_came_broken_are_fetched_again(fault: str) -> None:
    broken = {"count": 0}

    def twice(event: Event) -> str | None:
        if event.place == "results" and event.before < 2:
            broken["count"] += 1
            return fault
        return None

    with serving(fault=twice) as provider:
        _, results = use(provider, lambda backend: there_and_back(backend, 20))
    assert broken["count"] == 2
    assert sorted(result.key for result in results) == sorted(keys(20))


def test_a_batch_is_found_again_by_its_keys_once_it_has_ended() -> None:
    async def work(backend: AnthropicBackend) -> list[str | None]:
        api, now = backend.batch_api, time.time()
        ours = await api.submit(items(3), TAG)
        await api.submit(items(3, start=100), TAG)  # as large, and another's
        await api.submit(items(2), TAG)
        found = [await api.find(TAG, keys(3), now), await api.find(TAG, keys(3, start=200), now)]
        return [*found, await api.find(TAG, keys(3), now + 10_000), ours]

    with serving(batch_seconds=0.3) as provider:
        *found, ours = use(provider, work)
    assert found == [ours, None, None]
    assert WAITS[:2] == [2.0, 5.0]  # it waited for the batches to end


def test_a_batch_is_looked_for_on_every_page() -> None:
    async def work(backend: AnthropicBackend) -> tuple[str | None, str]:
        api = backend.batch_api
        ours = await api.submit(items(2), TAG)
        for number in range(103):
            await api.submit(items(1, start=500 + number), TAG)
        return await api.find(TAG, keys(2), time.time()), ours

    with serving(batch_seconds=0.1) as provider:
        found, ours = use(provider, work)
    assert found == ours


def test_no_batch_at_all_is_no_error() -> None:
    with serving() as provider:
        assert use(provider, lambda backend: backend.batch_api.find(TAG, keys(1), 0.0)) is None


def test_a_cancelled_batch_ends_with_what_was_done() -> None:
    async def work(backend: AnthropicBackend) -> list[BatchResult]:
        api = backend.batch_api
        batch = await api.submit(items(10), TAG)
        await asyncio.sleep(0.2)
        await api.cancel(batch)
        await ended(api, batch)
        return await collected(api, batch)

    with serving(batch_seconds=0.4) as provider:
        results = use(provider, work)
    lost = [result for result in results if result.raw is None]
    assert 0 < len(lost) < 10 == len(results)
    assert all(result.can_heal and "canceled" in (result.reason or "") for result in lost)


@pytest.mark.parametrize("call", ["submit", "status", "results", "find", "cancel"])
def test_a_wrong_key_shows_up_in_no_exception(call: str) -> None:
    async def work(backend: AnthropicBackend) -> None:
        api = backend.batch_api
        work = {
            "submit": lambda: api.submit(items(1), TAG),
            "status": lambda: api.status("msgbatch_1"),
            "results": lambda: collected(api, "msgbatch_1"),
            "find": lambda: api.find(TAG, frozenset(), 0.0),
            "cancel": lambda: api.cancel("msgbatch_1"),
        }
        await work[call]()

    import anthropic

    with serving(key="another") as provider, pytest.raises(anthropic.AuthenticationError, match=r"\*\*\*") as caught:
        use(provider, work)
    error = caught.value
    shown = [str(error), repr(error), repr(error.body), repr(error.__dict__), str(error.request.headers.raw)]
    assert not any(KEY in text for text in shown)


def test_the_size_bounds_what_is_sent() -> None:
    api = AnthropicBackend("m").batch_api
    many = [(f"{k}", Request((Message("user", "größer? 😀"),))) for k in range(50)]
    body = {"requests": [api.entry(key, request) for key, request in many]}
    assert sum(api.size(key, request) for key, request in many) >= len(json.dumps(body, ensure_ascii=False).encode())
    assert (api.largest_batch, api.largest_bytes, api.price_factor) == (100_000, 256_000_000, 0.5)


@pytest.mark.parametrize(
    ("kind", "can_heal"),
    [
        ("api_error", True),
        ("overloaded_error", True),
        ("rate_limit_error", True),
        ("timeout_error", True),
        ("invalid_request_error", False),
        ("billing_error", False),
    ],
)
def test_errors_of_single_requests(kind: str, can_heal: bool) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "because"}}
    result = AnthropicBackend("m").batch_api.result("k", {"type": "errored", "error": error})
    assert result == BatchResult("k", None, f"{kind}: because", can_heal)


def test_results_that_were_put_away_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def put_away(path: str, required: str) -> dict[str, Any]:
        return {"id": "b", "archived_at": "2026-01-30T00:00:00Z", "processing_status": "ended", "request_counts": {}}

    api = AnthropicBackend("m").batch_api
    monkeypatch.setattr(api.connection, "get", put_away)
    with pytest.raises(CallFailed, match=r"results of batch b can no longer be had.*2026-01-30.*29 days.*Ask"):
        asyncio.run(collected(api, "b"))
