"""The emulated provider, asked by both real SDKs: formats, batches, limits, bill, faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any, TypeVar

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from provider import Event, Provider, RateLimits, Schedule, busiest, serving
from provider.conversation import tokens_of
from provider.openai_wire import duration
from provider.rate_limits import Meter

T = TypeVar("T")
QUESTION = [{"role": "user", "content": "12+30=?"}]
SCHEMA = {
    "type": "object",
    "properties": {"reasoning": {"type": "string"}, "answer": {"type": "integer"}},
    "required": ["reasoning", "answer"],
    "additionalProperties": False,
}


def ask_openai(provider: Provider, use: Callable[[openai.AsyncOpenAI], Awaitable[T]]) -> T:
    async def run() -> T:
        transport = openai.DefaultAioHttpClient()
        async with openai.AsyncOpenAI(
            base_url=provider.openai_url, api_key="k", max_retries=0, http_client=transport
        ) as client:
            return await use(client)

    return asyncio.run(run())


def ask_anthropic(provider: Provider, use: Callable[[anthropic.AsyncAnthropic], Awaitable[T]]) -> T:
    async def run() -> T:
        transport = anthropic.DefaultAioHttpClient()
        async with anthropic.AsyncAnthropic(
            base_url=provider.anthropic_url, api_key="k", max_retries=0, http_client=transport
        ) as client:
            return await use(client)

    return asyncio.run(run())


def chat(provider: Provider, **fields: Any) -> Any:
    return ask_openai(provider, lambda c: c.chat.completions.create(model="m", messages=QUESTION, **fields))


def message(provider: Provider, **fields: Any) -> Any:
    fields = {"messages": QUESTION, "max_tokens": 100, **fields}
    return ask_anthropic(provider, lambda c: c.messages.create(model="m", **fields))


def test_chat_completions() -> None:
    with serving() as provider:
        found = chat(provider, n=3, seed=1, logprobs=True, top_logprobs=2)
        held = chat(provider, response_format={"type": "json_schema", "json_schema": json_schema("reply")})
        cut = chat(provider, max_completion_tokens=2)
        with pytest.raises(openai.BadRequestError, match="'logprobs' is enabled"):
            chat(provider, top_logprobs=2)
    assert [choice.message.content.splitlines()[-1] for choice in found.choices] == ["Answer: 42"] * 3
    assert len({choice.message.content for choice in found.choices}) == 3
    tokens = found.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == found.choices[0].message.content
    assert all(token.top_logprobs[0].logprob == token.logprob < 0 for token in tokens)
    assert json.loads(held.choices[0].message.content)["answer"] == 42
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 2)
    usage = found.usage
    assert provider.bill.charges[0].dollars == Fraction(usage.prompt_tokens + 2 * usage.completion_tokens, 1_000_000)


def json_schema(name: str) -> dict[str, Any]:
    return {"name": name, "strict": True, "schema": SCHEMA}


def test_a_schema_that_is_not_strict_is_refused() -> None:
    loose = {**SCHEMA, "required": ["answer"]}
    form = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": loose}}
    with serving() as provider, pytest.raises(openai.BadRequestError, match="'required' must be"):
        chat(provider, response_format=form)
    assert not provider.bill.charges


def test_responses() -> None:
    form = {"format": {"type": "json_schema", **json_schema("reply")}}
    with serving() as provider:
        found = ask_openai(
            provider,
            lambda c: c.responses.create(
                model="m", input=QUESTION, reasoning={"effort": "low", "summary": "auto"}, top_logprobs=3,
                include=["message.output_text.logprobs"],
            ),
        )  # fmt: skip
        held = ask_openai(provider, lambda c: c.responses.create(model="m", input="12+30=?", text=form))
        cut = ask_openai(provider, lambda c: c.responses.create(model="m", input="1+1=?", max_output_tokens=16,
                                                                 reasoning={"effort": "high"}))  # fmt: skip
    assert found.output_text.endswith("Answer: 42")
    assert (found.output[0].type, found.output[0].summary[0].text) == ("reasoning", "hm hm hm hm hm")
    assert found.usage.output_tokens_details.reasoning_tokens == 5
    assert len(found.output[1].content[0].logprobs[0].top_logprobs) == 3
    assert json.loads(held.output_text)["answer"] == 42
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_messages_with_thinking_forced_tools_and_cache() -> None:
    long = [{"type": "text", "text": "word " * 2_000, "cache_control": {"type": "ephemeral"}}]
    tool = {"name": "reply", "input_schema": SCHEMA}
    with serving() as provider:
        plain = message(provider)
        thought = message(provider, thinking={"type": "enabled", "budget_tokens": 1_024}, max_tokens=2_000)
        forced = message(provider, tools=[tool], tool_choice={"type": "tool", "name": "reply"})
        first, second = message(provider, system=long), message(provider, system=long)
        with pytest.raises(anthropic.BadRequestError, match="max_tokens` must be greater"):
            message(provider, thinking={"type": "enabled", "budget_tokens": 1_024})
    assert (plain.content[0].text.splitlines()[-1], plain.stop_reason) == ("Answer: 42", "end_turn")
    assert [block.type for block in thought.content] == ["thinking", "text"]
    assert (forced.stop_reason, forced.content[0].input["answer"]) == ("tool_use", 42)
    assert first.usage.cache_creation_input_tokens == second.usage.cache_read_input_tokens == 2_004
    assert provider.bill.charges[-1].input_tokens == second.usage.input_tokens + 2_004


def openai_lines(count: int) -> bytes:
    body = {"model": "m", "max_completion_tokens": 50}
    return "\n".join(
        json.dumps(
            {
                "custom_id": f"k{k}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {**body, "messages": [{"role": "user", "content": f"{k}+1=?"}]},
            }
        )
        for k in range(count)
    ).encode()


async def openai_batch(client: openai.AsyncOpenAI, count: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    file = await client.files.create(file=("lines.jsonl", openai_lines(count)), purpose="batch")
    batch = await client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"tag": "t"}
    )
    while batch.status in ("validating", "in_progress", "finalizing"):
        await asyncio.sleep(0.02)
        batch = await client.batches.retrieve(batch.id)
    found = []
    for name in (batch.output_file_id, batch.error_file_id):
        lines = (await client.files.content(name)).text.splitlines() if name else []
        found.append({line["custom_id"]: line for line in map(json.loads, lines)})
    listed = [other async for other in client.batches.list(limit=1)]
    assert (listed[0].id, listed[0].metadata) == (batch.id, {"tag": "t"})
    return batch, found[0], found[1]


def test_an_openai_batch_is_answered_at_half_the_price() -> None:
    with serving(batch_seconds=0.1) as provider:
        batch, answers, errors = ask_openai(provider, lambda c: openai_batch(c, 5))
        live = chat(provider)
    assert (batch.status, batch.request_counts.completed, errors) == ("completed", 5, {})
    text = answers["k3"]["response"]["body"]["choices"][0]["message"]["content"]
    assert text.endswith("Answer: 4")
    half, whole = provider.bill.charges[0], provider.bill.charges[-1]
    assert half.dollars == Fraction(half.input_tokens + 2 * half.output_tokens, 2_000_000)
    assert whole.dollars == Fraction(live.usage.prompt_tokens + 2 * live.usage.completion_tokens, 1_000_000)


def test_openai_batches_expire_fail_and_err() -> None:
    lines = Schedule(shares={"line": {"errored": 0.3, "missing": 0.3}})
    with serving(fault=lambda event: "expired" if event.place == "batch" else None, batch_seconds=0.05) as provider:
        batch, answers, errors = ask_openai(provider, lambda c: openai_batch(c, 6))
    assert (batch.status, len(answers), len(errors)) == ("expired", 3, 3)
    assert {line["error"]["code"] for line in errors.values()} == {"batch_expired"}
    with serving(fault=lambda event: "failed" if event.place == "batch" else None) as provider:
        batch, answers, errors = ask_openai(provider, lambda c: openai_batch(c, 6))
    assert (batch.status, answers, errors, provider.bill.charges) == ("failed", {}, {}, [])
    with serving(fault=lines, batch_seconds=0.05) as provider:
        batch, answers, errors = ask_openai(provider, lambda c: openai_batch(c, 50))
    assert len(provider.bill.charges) == len(answers) < 45
    assert 0 < len(errors) == batch.request_counts.failed < 50 - len(answers)
    assert all(line["response"]["status_code"] == 500 for line in errors.values())


async def anthropic_batch(client: anthropic.AsyncAnthropic, count: int) -> tuple[Any, list[Any], int]:
    requests = [
        {"custom_id": f"k{k}", "params": {"model": "m", "max_tokens": 50, "messages": QUESTION}} for k in range(count)
    ]
    batch = await client.messages.batches.create(requests=requests)  # type: ignore[arg-type]
    while batch.processing_status != "ended":
        await asyncio.sleep(0.02)
        batch = await client.messages.batches.retrieve(batch.id)
    not_found = 0
    while True:
        try:
            results = await client.messages.batches.results(batch.id)
            return batch, [result async for result in results], not_found
        except anthropic.NotFoundError:
            not_found += 1
            await asyncio.sleep(0.02)


def test_an_anthropic_batch_answers_404_for_a_while() -> None:
    def fault(event: Event) -> str | None:
        return {"k1": "errored", "k2": "expired", "k3": "repeated"}.get(event.content)

    with serving(fault=fault, results_late_seconds=0.1) as provider:
        batch, results, not_found = ask_anthropic(provider, lambda c: anthropic_batch(c, 5))
    kinds = sorted((result.custom_id, result.result.type) for result in results)
    assert kinds == [
        ("k0", "succeeded"), ("k1", "errored"), ("k2", "expired"), ("k3", "succeeded"), ("k3", "succeeded"),
        ("k4", "succeeded"),
    ]  # fmt: skip
    assert (batch.request_counts.succeeded, batch.request_counts.errored, batch.request_counts.expired) == (3, 1, 1)
    assert not_found > 0
    assert len(provider.bill.charges) == 3


def test_a_cancelled_batch_charges_for_what_was_done() -> None:
    async def cancel(client: anthropic.AsyncAnthropic) -> Any:
        requests = [
            {"custom_id": f"k{k}", "params": {"model": "m", "max_tokens": 9, "messages": QUESTION}} for k in range(9)
        ]
        batch = await client.messages.batches.create(requests=requests)  # type: ignore[arg-type]
        await client.messages.batches.cancel(batch.id)
        return await client.messages.batches.retrieve(batch.id)

    with serving(batch_seconds=60) as provider:
        batch = ask_anthropic(provider, cancel)
    assert batch.processing_status == "ended"
    assert batch.request_counts.canceled == 9 - len(provider.bill.charges) > 5


@pytest.mark.parametrize(
    ("fault", "error", "charged"),
    [
        ("429", openai.RateLimitError, 0),
        ("quota", openai.RateLimitError, 0),
        ("503", openai.InternalServerError, 0),
        ("reset", openai.APIConnectionError, 0),
        ("reset after work", openai.APIConnectionError, 1),
        ("reset in body", openai.APIConnectionError, 1),
        ("cut json", openai.APIError, 1),
    ],
)
def test_faults_of_calls(fault: str, error: type[Exception], charged: int) -> None:
    def once(event: Event) -> str | None:
        return None if event.before else fault

    with serving(fault=once) as provider:
        with pytest.raises((error, ValueError)):  # half a JSON text: the SDK lets the parser's error through
            chat(provider)
        assert chat(provider).choices[0].message.content.endswith("Answer: 42")
    assert [charge.lost for charge in provider.bill.charges] == [True] * charged + [False]


@pytest.mark.parametrize(("fault", "finish"), [("length", "length"), ("refusal", "content_filter"), ("slow", "stop")])
def test_what_the_model_does_is_delivered_and_charged(fault: str, finish: str) -> None:
    with serving(fault=lambda event: fault) as provider:
        assert chat(provider).choices[0].finish_reason == finish
    assert len(provider.bill.charges) == 1


def test_a_reply_sent_twice_does_not_answer_the_next_question() -> None:
    async def ask(client: openai.AsyncOpenAI) -> list[str]:
        texts = []
        for k in range(20):
            question: Any = [{"role": "user", "content": f"{k}+{k}=?"}]
            reply = await client.chat.completions.create(model="m", messages=question)
            texts.append(reply.choices[0].message.content or "")
        return texts

    with serving(fault=lambda event: "twice") as provider:
        texts = ask_openai(provider, ask)
    assert [text.rpartition(" ")[2] for text in texts] == [str(2 * k) for k in range(20)]
    assert len(provider.bill.charges) == 20


def test_the_limit_says_how_long_to_wait() -> None:
    with serving(limits=RateLimits(requests=60, window_seconds=2)) as provider:
        first = ask_openai(
            provider, lambda c: c.chat.completions.with_raw_response.create(model="m", messages=QUESTION)
        )
        chat(provider)
        with pytest.raises(openai.RateLimitError) as caught:
            chat(provider)
    assert first.headers["x-ratelimit-limit-requests"] == "60"
    assert 0 < float(caught.value.response.headers["retry-after-ms"]) <= 1_000
    assert len(provider.gate.passed) == 2
    with serving(limits=RateLimits(input_tokens=6_000, output_tokens=6_000)) as provider:
        raw = ask_anthropic(
            provider, lambda c: c.messages.with_raw_response.create(model="m", max_tokens=700, messages=QUESTION)
        )
        with pytest.raises(anthropic.RateLimitError) as refused:
            message(provider, system="word " * 7_000)
    assert raw.headers["anthropic-ratelimit-input-tokens-remaining"] == "6000"  # in thousands
    assert "retry-after" not in refused.value.response.headers  # it never fits


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 40)), max_size=60),
    st.booleans(),
    st.floats(0.5, 3),
)
def test_no_meter_lets_more_pass_than_its_limit(calls: list[tuple[float, int]], sliding: bool, window: float) -> None:
    meter = Meter("tokens", 60 * 50 / window, window, sliding)
    passed, now = [], 0.0
    for gap, amount in calls:
        now += gap
        wait = meter.wait(amount, now)
        if wait > 0:
            assert meter.wait(amount, now + wait + 1e-6) == 0.0
            now += wait + 1e-6
        meter.take(amount, now)
        passed.append((now, float(amount)))
    # A bucket also lets pass what it refills during the window.
    assert busiest(passed, window) <= (50 if sliding else 100) + 1e-3


def test_a_schedule_is_a_function_of_its_seed() -> None:
    shares = {"call": {"500": 0.1, "reset": 0.1}}
    events = [Event("call", f"question {k}", before) for k in range(2_000) for before in range(2)]
    met = [Schedule(1, shares)(event) for event in events]
    assert met == [Schedule(1, shares)(event) for event in events] != [Schedule(2, shares)(event) for event in events]
    assert 300 < met.count("500") < 500 > met.count("reset") > 300
    assert Schedule(1, shares)(Event("line", "question 1", 0)) is None
    assert all(Schedule(1, {"call": {"500": 1.0}}, 2)(Event("call", "q", k)) is None for k in (2, 3))


@given(st.text(max_size=60))
def test_tokens_are_the_text(text: str) -> None:
    if text.strip():
        assert "".join(tokens_of(text)) == text
        assert len(tokens_of(text)) in (len(text.split()), len(text.split()) + 1)


def test_durations_are_written_as_openai_does() -> None:
    assert [duration(s) for s in (0.12, 1.5, 372.0, 3_600.0)] == ["120ms", "1.5s", "6m12s", "1h0m0s"]
