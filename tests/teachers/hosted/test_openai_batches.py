"""OpenAI's batches through the real SDK, against the emulated provider and against result files made up here."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from provider import Event, Provider, serving

from lessons.records import Message
from teachers import OpenAIBackend, Request, Sampling
from teachers.batch_api import BatchResult, BatchStatus
from teachers.hosted.hosted_client import LATE_SECONDS
from teachers.hosted.openai_batches import OpenAIBatches

T = TypeVar("T")
KEY = "planted-secret-8412"
TAG = "0123456789abcdef" * 2


def items(count: int) -> list[tuple[str, Request]]:
    sampling = Sampling(max_output_tokens=50)
    return [(f"{k:040x}", Request((Message("user", f"{k}+1=?"),), sampling)) for k in range(count)]


@pytest.fixture(autouse=True)
def planted_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)


def use(provider: Provider, work: Callable[[OpenAIBackend], Awaitable[T]], **settings: Any) -> T:
    async def run() -> T:
        backend = OpenAIBackend("gpt-test", provider.openai_url, "TEST_KEY", **settings)
        backend.connection.sleep = quickly  # type: ignore[assignment]
        try:
            return await work(backend)
        finally:
            await backend.aclose()

    return asyncio.run(run())


async def quickly(seconds: float) -> None:
    await asyncio.sleep(seconds / 50)


async def ended(api: Any, batch: str) -> BatchStatus:
    while (status := await api.status(batch)).state == "working":
        await asyncio.sleep(0.02)
    return status  # type: ignore[no-any-return]


async def collected(api: Any, batch: str) -> list[BatchResult]:
    return [result async for result in api.results(batch)]


async def there_and_back(backend: OpenAIBackend, count: int) -> tuple[BatchStatus, list[BatchResult]]:
    api = backend.batch_api
    batch = await api.submit(items(count), TAG)
    return await ended(api, batch), await collected(api, batch)


@pytest.mark.parametrize("form", ["chat", "responses"])
def test_a_batchs_replies_are_those_of_live_calls(form: Any) -> None:
    async def work(backend: OpenAIBackend) -> tuple[Any, Any, Any]:
        live = [await backend.send(request) for _, request in items(5)]
        status, results = await there_and_back(backend, 5)
        return live, status, results

    with serving() as provider:
        live, status, results = use(provider, work, api=form)
    assert status == BatchStatus("ended", 5, 0)
    assert [result.key for result in results] != [key for key, _ in items(5)]  # any order
    backend = OpenAIBackend("gpt-test")
    by_key = {result.key: result.raw for result in results}
    for (key, _), raw in zip(items(5), live, strict=True):
        assert set(by_key[key]) == set(raw)
        assert backend.read(by_key[key]) == backend.read(raw)


def test_an_expired_batch_gives_what_was_done_and_the_rest_heals() -> None:
    with serving(fault=lambda event: "expired" if event.place == "batch" else None) as provider:
        status, results = use(provider, lambda backend: there_and_back(backend, 10))
    assert status.state == "ended"
    answered = [result for result in results if result.raw is not None]
    lost = [result for result in results if result.raw is None]
    assert (len(answered), len(lost)) == (5, 5)
    assert all(result.can_heal and "batch_expired" in (result.reason or "") for result in lost)


def test_a_batch_that_is_refused_as_a_whole_says_why() -> None:
    async def work(backend: OpenAIBackend) -> BatchStatus:
        api = backend.batch_api
        return await api.status(await api.submit([*items(2), *items(1)], TAG))

    with serving() as provider:
        status = use(provider, work)
    assert status.state == "failed"
    assert "duplicate" in (status.reason or "")
    assert "Line 3" in (status.reason or "")


FATES = {"0": "errored", "1": "invalid", "2": "repeated", "3": "missing"}


def test_errors_duplicates_and_omissions_of_a_batch() -> None:
    def fault(event: Event) -> str | None:
        return FATES.get(event.content[-1]) if event.place == "line" else None

    with serving(fault=fault) as provider:
        _, results = use(provider, lambda backend: there_and_back(backend, 8))
    found = {result.key[-1]: result for result in results}
    assert len(found) == len(results) == 7
    assert {key: (result.raw is not None, result.can_heal) for key, result in found.items()} == {
        "0": (False, True),
        "1": (False, False),
        **dict.fromkeys("24567", (True, False)),
    }
    assert "500" in (found["0"].reason or "")
    assert "400" in (found["1"].reason or "")


@pytest.mark.parametrize("fault", ["cut json", "no answer"])
def test_a_file_of_results_that_came_broken_is_fetched_again(fault: str) -> None:
    broken = {"count": 0}

    def once(event: Event) -> str | None:
        if event.place == "results" and event.before < 2:
            broken["count"] += 1
            return fault
        return None

    with serving(fault=once) as provider:
        _, results = use(provider, lambda backend: there_and_back(backend, 20))
    assert broken["count"] == 2
    assert sorted(result.key for result in results) == [key for key, _ in items(20)]
    assert all(result.raw is not None for result in results)


def test_a_batch_is_found_again_by_its_tag() -> None:
    async def work(backend: OpenAIBackend) -> list[str | None]:
        api, keys = backend.batch_api, frozenset(key for key, _ in items(2))
        ours = await api.submit(items(2), TAG)
        for number in range(103):  # more than a page of others
            await api.submit(items(1), f"{number:032x}")
        now = time.time()
        found = [await api.find(tag, keys, now - 60) for tag in (TAG, "f" * 32)]
        return [*found, await api.find("f" * 32, keys, now + 10_000), ours]

    with serving() as provider:
        *found, ours = use(provider, work)
    assert found == [ours, None, None]


def test_a_cancelled_batch_ends_with_what_was_done() -> None:
    async def work(backend: OpenAIBackend) -> tuple[BatchStatus, list[BatchResult]]:
        api = backend.batch_api
        batch = await api.submit(items(10), TAG)
        await asyncio.sleep(0.2)
        await api.cancel(batch)
        return await ended(api, batch), await collected(api, batch)

    with serving(batch_seconds=0.4) as provider:
        status, results = use(provider, work)
    assert status.state == "ended"
    assert 0 < sum(result.raw is not None for result in results) < 10
    assert all(result.can_heal for result in results if result.raw is None)


@pytest.mark.parametrize("call", ["submit", "status", "results", "find", "cancel"])
def test_a_wrong_key_shows_up_in_no_exception(call: str) -> None:
    async def work(backend: OpenAIBackend) -> None:
        api = backend.batch_api
        work = {
            "submit": lambda: api.submit(items(1), TAG),
            "status": lambda: api.status("batch_1"),
            "results": lambda: collected(api, "batch_1"),
            "find": lambda: api.find(TAG, frozenset(), 0.0),
            "cancel": lambda: api.cancel("batch_1"),
        }
        await work[call]()

    import openai

    with serving(key="another-key") as provider, pytest.raises(openai.AuthenticationError, match=r"\*\*\*") as caught:
        use(provider, work)
    error = caught.value
    shown = [str(error), repr(error), repr(error.body), repr(error.__dict__), str(error.request.headers.raw)]
    assert not any(KEY in text for text in shown)
    assert KEY not in repr(caught.getrepr(style="long", showlocals=False))


def api() -> OpenAIBatches:
    return OpenAIBackend("m").batch_api


def test_the_size_is_that_of_the_line_uploaded() -> None:
    request = Request((Message("user", "größer? 😀"),))
    line = api().line("k", request)
    assert api().size("k", request) == len(line)
    entry = json.loads(line)
    assert (entry["custom_id"], entry["method"], entry["url"]) == ("k", "POST", "/v1/chat/completions")
    assert entry["body"] == OpenAIBackend("m").body(request)
    assert (api().largest_batch, api().largest_bytes, api().price_factor) == (50_000, 200_000_000, 0.5)


@pytest.mark.parametrize(
    ("response", "error", "can_heal", "reason"),
    [
        ({"status_code": 429, "body": {"error": {"message": "slow down"}}}, None, True, "slow down"),
        ({"status_code": 429, "body": {"error": {"message": "x", "code": "insufficient_quota"}}}, None, False, "quota"),
        ({"status_code": 503, "body": {"error": {"message": "busy"}}}, None, True, "busy"),
        ({"status_code": 400, "body": {"error": {"message": "bad"}}}, None, False, "bad"),
        ({"status_code": 200, "body": {}}, None, True, "no answer"),
        (None, {"code": "batch_expired", "message": "late"}, True, "batch_expired: late"),
        (None, {"code": "batch_cancelled", "message": "stop"}, True, "stop"),
        (None, {"code": "invalid_request", "message": "no"}, False, "no"),
        (None, None, True, "no answer"),
    ],
)
def test_lines_without_an_answer(response: Any, error: Any, can_heal: bool, reason: str) -> None:
    result = api().result("k", {"custom_id": "k", "response": response, "error": error})
    assert (result.raw, result.can_heal) == (None, can_heal)
    assert reason in (result.reason or "")


def test_waits_for_what_is_late_grow_to_two_minutes() -> None:
    assert list(LATE_SECONDS) == sorted(LATE_SECONDS)
    assert 120 <= sum(LATE_SECONDS) <= 130
