from __future__ import annotations

import json
from typing import Any

import pytest

from lessons.errors import ConfigError
from lessons.records import Message
from teachers import AnthropicBackend, Request, Sampling
from teachers.hosted.anthropic_messages import read

TURNS = (Message("system", "Be brief."), Message("user", "2+2?"), Message("assistant", "4"), Message("user", "Sure?"))
SCHEMA = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
KEPT = {"cache_control": {"type": "ephemeral"}}


def body(request: Request, **settings: Any) -> dict[str, Any]:
    return AnthropicBackend("m", **settings).body(request)


def reply(*blocks: dict[str, Any], stop_reason: str = "end_turn", **fields: Any) -> dict[str, Any]:
    return {"stop_reason": stop_reason, "content": list(blocks), **fields}


def test_thinking_is_asked_for_without_a_temperature() -> None:
    fields = body(Request(TURNS, Sampling(0.5, 0.9, 4_000)), thinking_tokens=2_000)
    assert fields["thinking"] == {"type": "enabled", "budget_tokens": 2_000}
    assert not {"temperature", "top_p"} & set(fields)


@pytest.mark.parametrize(("thinking", "most"), [(2_000, 2_000), (2_000, 800), (1_023, 4_000)])
def test_thinking_must_leave_room_for_an_answer(thinking: int, most: int) -> None:
    message = rf"thinking_tokens is {thinking} with max_output_tokens {most}; .*at least 1024 and less.*Raise the ann"
    with pytest.raises(ConfigError, match=message):
        body(Request(TURNS, Sampling(max_output_tokens=most)), thinking_tokens=thinking)


def test_a_schema_becomes_a_tool_that_must_be_used() -> None:
    fields = body(Request(TURNS, schema=SCHEMA))
    (tool,) = fields["tools"]
    assert tool["input_schema"] == SCHEMA
    assert fields["tool_choice"] == {"type": "tool", "name": tool["name"]}
    assert "output_config" not in fields


@pytest.mark.parametrize("settings", [{"thinking_tokens": 1_024}, {"extra_body": {"thinking": {"type": "adaptive"}}}])
def test_a_model_that_thinks_gets_the_schema_as_the_form_of_its_text(settings: dict[str, Any]) -> None:
    fields = body(Request(TURNS, Sampling(max_output_tokens=2_000), schema=SCHEMA), **settings)
    assert fields["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert not {"tools", "tool_choice"} & set(fields)


def test_the_effort_given_is_kept_beside_the_schema() -> None:
    extra = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    fields = body(Request(TURNS, schema=SCHEMA), extra_body=extra)
    assert fields["output_config"]["effort"] == "low"
    assert extra["output_config"] == {"effort": "low"}


def test_the_shared_prefix_is_marked_for_the_cache() -> None:
    fields = body(Request(TURNS), cache_prefix=True)
    assert fields["system"] == [{"type": "text", "text": "Be brief.", **KEPT}]
    assert fields["messages"] == [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": [{"type": "text", "text": "4", **KEPT}]},
        {"role": "user", "content": "Sure?"},
    ]
    alone = body(Request(TURNS[1:2]), cache_prefix=True)
    assert alone == body(Request(TURNS[1:2]))


def test_caching_does_not_change_the_key_and_thinking_does() -> None:
    plain = AnthropicBackend("m").identity
    assert AnthropicBackend("m", cache_prefix=True).identity == plain
    assert AnthropicBackend("m", thinking_tokens=2_000).identity != plain


def test_the_tools_input_is_read_as_json_text() -> None:
    used = {"type": "tool_use", "id": "t", "name": "reply", "input": {"label": "größer"}}
    found = read(reply({"type": "text", "text": "Well:"}, used, stop_reason="tool_use"), "m")
    assert (json.loads(found.text), found.finish_reason) == ({"label": "größer"}, "stop")
    assert read(reply(used, stop_reason="max_tokens"), "m").finish_reason == "length"


def test_thinking_is_kept_apart() -> None:
    usage = {"input_tokens": 3, "output_tokens": 90, "output_tokens_details": {"thinking_tokens": 80}}
    hidden = {"type": "redacted_thinking", "data": "x"}
    found = read(reply({"type": "thinking", "thinking": "hm"}, hidden, {"type": "text", "text": "4"}, usage=usage), "m")
    assert (found.text, found.reasoning, found.reasoning_tokens, found.output_tokens) == ("4", "hm", 80, 90)


def test_tokens_of_the_cache_are_counted_among_those_read() -> None:
    usage = {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7}
    found = read(reply(usage=usage), "m")
    assert (found.input_tokens, found.cached_input_tokens, found.cache_write_tokens) == (15, 5, 7)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "refusal"),
    ],
)
def test_stop_reasons(said: str, meant: str) -> None:
    assert read(reply(stop_reason=said), "m").finish_reason == meant


def test_a_refusal_without_a_word_says_why() -> None:
    found = read(reply(stop_reason="refusal", stop_details={"type": "refusal", "explanation": "Not this."}), "m")
    assert (found.text, found.finish_reason) == ("Not this.", "refusal")
    assert read(reply(stop_reason="refusal", stop_details=None), "m").text == ""
