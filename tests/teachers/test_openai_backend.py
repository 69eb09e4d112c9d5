from __future__ import annotations

from lessons.records import Message
from teachers import OpenAIBackend, Request, Sampling

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
