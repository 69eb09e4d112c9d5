from __future__ import annotations

import pytest

from lessons.records import Message
from teachers import AnthropicBackend, Request, Sampling

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


def test_thinking_and_cache_are_read() -> None:
    raw = {
        "model": "m-2026",
        "stop_reason": "end_turn",
        "content": [
            {"type": "thinking", "thinking": "hm"},
            {"type": "text", "text": "4"},
            {"type": "text", "text": "!"},
        ],
        "usage": {
            "input_tokens": 3,
            "output_tokens": 2,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 7,
        },
    }
    completion = AnthropicBackend("m").read(raw)
    assert (completion.text, completion.reasoning, completion.model) == ("4!", "hm", "m-2026")
    assert (completion.input_tokens, completion.output_tokens, completion.cached_input_tokens) == (15, 2, 5)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
    ],
)
def test_stop_reasons(said: str, meant: str) -> None:
    raw = {"stop_reason": said, "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}
    assert AnthropicBackend("m").read(raw).finish_reason == meant


def test_prices_are_found_by_the_model() -> None:
    price = AnthropicBackend("claude-opus-4-5").price
    assert price is not None
    assert price.cost(1_000_000, 0) == pytest.approx(5.0)
