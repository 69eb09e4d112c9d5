from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import openai
import pytest
from provider import Event, Provider, serving

from lessons.errors import ConfigError
from lessons.records import Message
from teachers import OpenAIBackend, Request, Sampling
from teachers.hosted.openai_backend import question

REQUEST = Request(
    (Message("system", "Be brief."), Message("user", "2+2?")),
    Sampling(0.5, 0.9, 77, seed=3, stop=("END",)),
    sample=2,
    schema={"type": "object"},
)


def test_every_setting_is_sent() -> None:
    body = OpenAIBackend("m", extra_body={"top_k": 3}, reasoning_effort="low").body(REQUEST)
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}],
        "max_completion_tokens": 77,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 5,
        "stop": ["END"],
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": {"type": "object"}},
        },
        "top_k": 3,
    }


def test_compatible_servers_get_the_older_name_of_the_token_limit() -> None:
    assert "max_tokens" in OpenAIBackend("m", "http://localhost:1/v1").body(REQUEST)
    assert "max_tokens" in OpenAIBackend("m", token_limit_field="max_tokens").body(REQUEST)


def test_sampling_parameters_can_be_left_out() -> None:
    body = OpenAIBackend("m", sampling_parameters=False).body(REQUEST)
    assert not {"temperature", "top_p"} & set(body)
    assert OpenAIBackend("m", sampling_parameters=False).identity != OpenAIBackend("m").identity


def test_replies_are_read() -> None:
    raw = {
        "model": "m-2026",
        "choices": [{"finish_reason": "stop", "message": {"content": "4", "reasoning_content": "two and two"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 5}},
    }
    completion = OpenAIBackend("m").read(raw)
    assert (completion.text, completion.finish_reason, completion.model) == ("4", "stop", "m-2026")
    assert (completion.input_tokens, completion.output_tokens, completion.cached_input_tokens) == (9, 2, 5)
    assert completion.reasoning == "two and two"


def test_a_refusal_is_a_refusal_however_it_is_said() -> None:
    for message, reason in (({"content": None, "refusal": "No."}, "stop"), ({"content": ""}, "content_filter")):
        raw = {"choices": [{"finish_reason": reason, "message": message}]}
        assert OpenAIBackend("m").read(raw).finish_reason == "refusal"


def test_tokens_that_are_not_reported_are_unknown() -> None:
    raw = {"choices": [{"finish_reason": "length", "message": {"content": "4"}}], "usage": None}
    completion = OpenAIBackend("m").read(raw)
    assert (completion.finish_reason, completion.input_tokens, completion.output_tokens) == ("length", None, None)


def test_prices_are_found_by_the_model_and_not_for_other_servers() -> None:
    assert OpenAIBackend("gpt-4o-mini").price is not None
    assert OpenAIBackend("gpt-4o-mini", "http://localhost:1/v1").price is None


def samples(count: int, **sampling: Any) -> list[Request]:
    drawn = Sampling(0.7, max_output_tokens=60, **sampling)
    return [Request((Message("user", "12+30=?"),), drawn, sample=k) for k in range(count)]


def draw(backend: OpenAIBackend, requests: list[Request], tries: int = 1) -> list[Any]:
    async def run() -> list[Any]:
        try:
            for _ in range(tries - 1):
                with pytest.raises(openai.InternalServerError):
                    await backend.send_samples(requests)
            return await backend.send_samples(requests)
        finally:
            await backend.aclose()

    return asyncio.run(run())


def compatible(provider: Provider, **settings: Any) -> OpenAIBackend:
    return OpenAIBackend("m", provider.openai_url, api_key_variable=None, **settings)


def test_samples_of_one_question_are_drawn_by_one_call() -> None:
    with serving() as provider:
        backend = compatible(provider, choices_per_call=4)
        found = [backend.read(raw) for raw in draw(backend, samples(4))]
        (charge,) = provider.bill.charges
    assert len({completion.text for completion in found}) == 4
    assert sum(completion.input_tokens or 0 for completion in found) == charge.input_tokens
    assert sum(completion.output_tokens or 0 for completion in found) == charge.output_tokens
    assert backend.samples_per_call == 4


def test_samples_with_seeds_are_drawn_one_by_one() -> None:
    with serving() as provider:
        found = draw(compatible(provider, choices_per_call=4), samples(3, seed=5))
        bodies = list(provider.bodies)
    assert [body["seed"] for body in bodies] == [5, 6, 7]
    assert len(found) == 3
    assert not any("n" in body for body in bodies)


def test_samples_per_call() -> None:
    local = "http://localhost:1/v1"
    assert [backend.samples_per_call for backend in (
        OpenAIBackend("m"), OpenAIBackend("m", local), OpenAIBackend("m", local, choices_per_call=5),
        OpenAIBackend("m", choices_per_call=1), OpenAIBackend("m", api="responses", choices_per_call=5),
    )] == [8, 1, 5, 1, 1]  # fmt: skip
    with pytest.raises(ConfigError, match=r"choices_per_call must be 1 or more, got 0\. Leave it out"):
        OpenAIBackend("m", choices_per_call=0).prepare()


class Deaf(Provider):
    """A server that ignores n above a bound."""

    most = 1

    async def handle(self, call: Any) -> Any:
        body = call.json()
        body["n"] = min(self.most, body.get("n", 1))
        return await super().handle(replace(call, body=json.dumps(body).encode()))


@pytest.mark.parametrize("most", [1, 2])
def test_what_a_server_leaves_out_of_a_bundle_is_asked_for_one_by_one(most: int) -> None:
    provider = Deaf()
    provider.most = most
    with serving(provider):
        backend = compatible(provider, choices_per_call=4)
        found = draw(backend, samples(4))
        assert sum(charge.output_tokens for charge in provider.bill.charges) == sum(
            backend.read(raw).output_tokens or 0 for raw in found
        )
    assert len(found) == 4
    assert len(provider.bill.charges) == 1 + 4 - most
    assert backend.samples_per_call == most  # it is not asked for more again


def test_samples_that_came_are_not_paid_again_when_a_missing_one_fails() -> None:
    calls = {"count": 0}

    def fault(event: Event) -> str | None:
        calls["count"] += event.place == "call"
        return "500" if calls["count"] == 3 else None

    provider = Deaf(fault=fault)
    with serving(provider):
        backend = compatible(provider, choices_per_call=4)
        found = draw(backend, samples(4), tries=2)
    assert len(found) == 4
    assert len(provider.bill.charges) == 4
    assert not backend.spare


def test_spare_replies_serve_single_requests_too() -> None:
    backend = OpenAIBackend("m")
    one, two = {"choices": [1]}, {"choices": [2]}
    backend.spare = {question(samples(1)[0]): [one, two]}
    assert asyncio.run(backend.send(samples(3)[2])) is one
    assert asyncio.run(backend.send(samples(2)[1])) is two
    assert not backend.spare


def test_log_probabilities_are_read_from_both_interfaces() -> None:
    request = Request((Message("user", "1+1=?"),), Sampling(max_output_tokens=60), top_logprobs=3)

    async def ask(backend: OpenAIBackend) -> Any:
        try:
            return backend.read(await backend.send(request))
        finally:
            await backend.aclose()

    with serving() as provider:
        for api in ("chat", "responses"):
            found = asyncio.run(ask(compatible(provider, api=api)))
            assert "".join(entry.token for entry in found.logprobs) == found.text
            assert all(len(entry.top) == 3 for entry in found.logprobs)


def test_the_two_interfaces_have_keys_of_their_own() -> None:
    chat, responses = OpenAIBackend("m"), OpenAIBackend("m", api="responses")
    assert responses.identity["endpoint"] == "https://api.openai.com/v1/responses"
    assert chat.identity["endpoint"] == "https://api.openai.com/v1/chat/completions"
    assert "seed" in chat.gives
    assert "seed" not in responses.gives
    with pytest.raises(ConfigError, match=r"api must be chat or responses, got 'x'\. Correct it"):
        OpenAIBackend("m", api="x").prepare()  # type: ignore[arg-type]


def test_schemas_are_left_out_for_servers_that_fail_on_them() -> None:
    backend = OpenAIBackend("m", schemas=False)
    assert "response_format" not in backend.body(REQUEST)
    assert "schema" not in backend.gives
    assert backend.identity != OpenAIBackend("m").identity


def test_a_given_text_cannot_be_scored() -> None:
    with pytest.raises(ConfigError, match=r"cannot score a given text, got one of 3 characters.*TransformersBackend"):
        OpenAIBackend("m").body(Request(REQUEST.messages, continuation="abc"))
