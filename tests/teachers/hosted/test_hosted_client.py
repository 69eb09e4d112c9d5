"""What both hosted backends share, through the real SDKs against the emulated provider."""

from __future__ import annotations

import asyncio
import builtins
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from provider import Provider, RateLimits, serving

from lessons.errors import CallFailed, ConfigError, MissingDependency
from lessons.records import Message
from teachers import AnthropicBackend, Caller, Ledger, OpenAIBackend, Request, Sampling
from teachers.backend import Fatal, RateLimited, Transient
from teachers.hosted.http_errors import MalformedReply, NotHonoured
from teachers.rate_news import RateNews

KEY = "planted-secret-8412"
REQUEST = Request((Message("user", "1+1=?"),), Sampling(max_output_tokens=100))
Hosted = Callable[..., Any]


async def ask(backend: Any, times: int = 1) -> list[Any]:
    try:
        return [await backend.send(REQUEST) for _ in range(times)]
    finally:
        await backend.aclose()


def test_every_reply_tells_about_the_limits(hosted: Hosted) -> None:
    news: list[RateNews] = []
    with serving(limits=RateLimits(requests=600, input_tokens=60_000, output_tokens=6_000, tokens=66_000)) as provider:
        backend = hosted(provider)
        backend.heard = news.append
        asyncio.run(ask(backend, 3))
    assert [found.requests.per_minute for found in news if found.requests] == [600.0] * 3
    remaining = [found.requests.remaining for found in news if found.requests]
    assert remaining == sorted(remaining, key=lambda left: -(left or 0))
    if isinstance(backend, AnthropicBackend):
        windows = [(found.input_tokens, found.output_tokens) for found in news]
        assert all(read and written for read, written in windows)
        assert {(r.per_minute, w.per_minute) for r, w in windows if r and w} == {(60_000.0, 6_000.0)}
    else:
        assert all(found.tokens for found in news)


def test_an_error_tells_about_the_limits_too(hosted: Hosted) -> None:
    news: list[RateNews] = []
    with serving(limits=RateLimits(requests=2, window_seconds=30.0)) as provider:
        backend = hosted(provider)
        backend.heard = news.append

        async def twice() -> Any:
            try:
                await backend.send(REQUEST)
                await backend.send(REQUEST)
            except Exception as error:
                return backend.classify(error)
            finally:
                await backend.aclose()

        verdict = asyncio.run(twice())
    assert isinstance(verdict, RateLimited)
    assert verdict.wait_seconds is not None
    assert len(news) == 2
    assert news[1].requests is not None
    assert news[1].requests.remaining == 0


def test_no_headers_are_no_news(hosted: Hosted) -> None:
    news: list[RateNews] = []
    with serving() as provider:
        backend = hosted(provider)
        backend.heard = news.append
        asyncio.run(ask(backend))
    assert news == []


@pytest.mark.parametrize("fault", ["401", "echo", "no answer"])
def test_the_key_shows_up_in_no_exception(hosted: Hosted, fault: str) -> None:
    with serving(fault=lambda event: fault) as provider, pytest.raises(Exception) as caught:  # noqa: PT011  # any
        asyncio.run(ask(hosted(provider)))
    assert any(KEY in value for headers in provider.headers for value in headers.values())
    error = caught.value
    shown = [str(error), repr(error), repr(error.__dict__)]
    request = getattr(error, "request", None)
    shown.append(str(request.headers.raw if request is not None else ""))
    assert not any(KEY in text for text in shown)


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ("401", Fatal(everywhere=True)),
        ("500", Transient()),
        ("reset in body", Transient(maybe_billed=True)),
        ("cut json", Transient(maybe_billed=True)),
        ("no answer", Transient(maybe_billed=True)),
    ],
)
def test_errors_are_classified(hosted: Hosted, fault: str, verdict: object) -> None:
    with serving(fault=lambda event: fault) as provider:
        backend = hosted(provider)
        with pytest.raises(Exception) as caught:  # noqa: PT011  # of either SDK
            asyncio.run(ask(backend))
    assert backend.classify(caught.value) == verdict


def test_a_server_that_is_not_there_has_billed_nothing(hosted: Hosted) -> None:
    with serving() as provider:
        pass
    backend = hosted(provider)
    with pytest.raises(Exception) as caught:  # noqa: PT011  # of either SDK
        asyncio.run(ask(backend))
    assert backend.classify(caught.value) == Transient(maybe_billed=False)
    assert re.search(r"Cannot connect to host 127.0.0.1.* \(calling http://127.0.0.1:\d+", str(caught.value))


def test_a_broken_connection_says_how_it_broke(hosted: Hosted) -> None:
    with (
        serving(fault=lambda event: "reset") as provider,
        pytest.raises(Exception, match=r"reset by peer \(calling http"),
    ):
        asyncio.run(ask(hosted(provider)))


def test_a_wrong_setting_met_by_one_call_would_be_met_by_all() -> None:
    assert AnthropicBackend("m").classify(ConfigError("thinking_tokens is 5000")) == Fatal(everywhere=True)


def test_what_is_none_of_the_sdks_errors_stays() -> None:
    assert OpenAIBackend("m").classify(NotHonoured("no logprobs")) == Fatal(maybe_billed=True)
    assert AnthropicBackend("m").classify(ValueError("ours")) == Fatal()
    assert OpenAIBackend("m").classify(MalformedReply("cut")) == Transient(maybe_billed=True)


@pytest.mark.parametrize(("backend", "package"), [(OpenAIBackend, "openai"), (AnthropicBackend, "anthropic")])
def test_a_missing_package_is_named_with_its_extra(backend: Any, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    real = importlib.import_module

    def without(name: str, *rest: Any) -> Any:
        if name == package:
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest)

    monkeypatch.setattr("teachers.hosted.hosted_client.importlib.import_module", without)
    with pytest.raises(MissingDependency, match=rf"needs the packages {package} and aiohttp.*tutelage\[{package}\]"):
        backend("m", api_key_variable=None).prepare()


def test_closing_twice_and_going_on_is_fine(hosted: Hosted) -> None:
    with serving() as provider:
        backend = hosted(provider)
        asyncio.run(ask(backend))
        asyncio.run(backend.aclose())
        assert asyncio.run(ask(backend))


def test_constructors_touch_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        assert name.split(".")[0] not in ("openai", "anthropic", "httpx2")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for backend in (OpenAIBackend("m"), AnthropicBackend("m")):
        assert backend.identity["model"] == "m"
        assert backend.batch_api is not None


def test_an_answer_comes_through(hosted: Hosted) -> None:
    with serving() as provider:
        backend = hosted(provider)
        (raw,) = asyncio.run(ask(backend))
    completion = backend.read(raw)
    assert completion.text.endswith("Answer: 2")
    assert completion.output_tokens is not None


def test_a_paid_reply_without_what_was_asked_for_counts_as_spent(tmp_path: Path) -> None:
    class Deaf(Provider):
        async def handle(self, call: Any) -> Any:
            body = {name: value for name, value in call.json().items() if "logprobs" not in name}
            return await super().handle(replace(call, body=json.dumps(body).encode()))

    request = replace(REQUEST, top_logprobs=3)
    with serving(Deaf()) as provider, Ledger(tmp_path / "l.sqlite") as ledger:
        backend = OpenAIBackend(
            "m", provider.openai_url, api_key_variable=None, input_price=1.0, output_price=1.0
        )  # fmt: skip

        async def run() -> Caller:
            caller = Caller(backend, ledger)
            with pytest.raises(CallFailed, match=r"asked for log-probabilities \(top_logprobs: 3\)"):
                await caller.ask(request)
            await backend.aclose()
            return caller

        caller = asyncio.run(run())
        (charge,) = provider.bill.charges
    with Ledger(tmp_path / "l.sqlite") as ledger:
        (attempt,) = ledger.attempts()
    assert attempt.maybe_billed
    assert caller.run.account.spent.dollars >= charge.dollars > 0
