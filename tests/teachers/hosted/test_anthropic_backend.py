from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from provider import Provider, serving

from lessons.errors import ConfigError
from lessons.records import Message
from teachers import AnthropicBackend, Request, Sampling
from teachers.backend import Completion

REQUEST = Request(
    (Message("system", "Be brief."), Message("user", "2+2?")), Sampling(0.5, 0.9, 77, seed=3, stop=("END",))
)


def test_every_setting_is_sent() -> None:
    assert AnthropicBackend("m", extra_body={"top_k": 3}).body(REQUEST) == {
        "model": "m",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "2+2?"}],
        "max_tokens": 77,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "top_k": 3,
    }


def test_sampling_parameters_can_be_left_out() -> None:
    assert not {"temperature", "top_p"} & set(AnthropicBackend("m", sampling_parameters=False).body(REQUEST))


def test_prices_are_found_by_the_model() -> None:
    price = AnthropicBackend("claude-opus-4-5").price
    assert price is not None
    assert price.cost(1_000_000, 0) == pytest.approx(5.0)


def ask(provider: Provider, request: Request, times: int = 1, **settings: Any) -> list[Completion]:
    async def run() -> list[Completion]:
        backend = AnthropicBackend("claude-test", provider.anthropic_url, api_key_variable=None, **settings)
        try:
            return [backend.read(await backend.send(request)) for _ in range(times)]
        finally:
            await backend.aclose()

    return asyncio.run(run())


SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}
SUM = (Message("user", "12+30=?"),)


@pytest.mark.parametrize("thinking", [None, 1_024])
def test_structured_answers_with_and_without_thinking(thinking: int | None) -> None:
    request = Request(SUM, Sampling(max_output_tokens=2_000), schema=SCHEMA)
    with serving() as provider:
        (found,) = ask(provider, request, thinking_tokens=thinking)
    assert json.loads(found.text) == {"answer": 42}
    assert found.finish_reason == "stop"
    assert (found.reasoning is None) == (thinking is None)


def test_a_shared_prefix_is_written_to_the_cache_and_read_from_it() -> None:
    long = Request((Message("system", "word " * 2_000), *SUM), Sampling(max_output_tokens=50))
    with serving() as provider:
        first, second = ask(provider, long, times=2, cache_prefix=True)
        plain, again = ask(provider, long, times=2)
    assert first.cache_write_tokens == second.cached_input_tokens > 1_000
    assert first.input_tokens == second.input_tokens == plain.input_tokens
    assert (first.cached_input_tokens, second.cache_write_tokens) == (0, 0)
    assert (plain.cache_write_tokens, again.cached_input_tokens) == (0, 0)


@pytest.mark.parametrize("fields", [{"top_logprobs": 3}, {"continuation": "abc"}])
def test_log_probabilities_are_refused_in_words(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"gives no log-probabilities.*Ask an OpenAIBackend or a Transformers"):
        AnthropicBackend("m").body(Request(SUM, **fields))


def test_too_little_thinking_is_refused_before_the_first_call() -> None:
    with pytest.raises(ConfigError, match=r"thinking_tokens must be 1,024 or more, got 10\. Raise it"):
        AnthropicBackend("m", api_key_variable=None, thinking_tokens=10).prepare()
