from __future__ import annotations

from typing import Any

import pytest

from lessons.errors import ConfigError
from lessons.records import Message
from teachers import OpenAIBackend
from teachers.backend import Fatal, RateLimited, Request, Sampling, TokenLogprob, Transient
from teachers.hosted.http_errors import FailedReply, MalformedReply, NotHonoured
from teachers.hosted.openai_responses import body, check_honoured, read

TURNS = (
    Message("system", "Be brief."),
    Message("user", "2+2?"),
    Message("assistant", "4"),
    Message("user", "Sure?"),
)
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
LISTED = [{"token": "Yes", "logprob": -0.2, "top_logprobs": [{"token": "Yes", "logprob": -0.2}]}]


def reply(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    message = {"type": "message", "role": "assistant", "content": list(parts)}
    return {"status": "completed", "output": [message], **fields}


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": words, **fields}


def test_every_setting_is_sent() -> None:
    request = Request(TURNS, Sampling(0.5, 0.9, 77), schema=SCHEMA, top_logprobs=5)
    assert body(request, "m", True, "low") == {
        "model": "m",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "2+2?"},
            {"role": "assistant", "content": "4"},
            {"role": "user", "content": "Sure?"},
        ],
        "max_output_tokens": 77,
        "store": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "text": {"format": {"type": "json_schema", "name": "reply", "strict": True, "schema": SCHEMA}},
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 5,
        "reasoning": {"effort": "low"},
    }


def test_only_what_is_set_is_sent() -> None:
    fields = body(Request(TURNS[1:2], Sampling(0.5, 0.9, 77)), "m", False, None)
    assert set(fields) == {"model", "input", "max_output_tokens", "store"}


def test_stop_texts_are_refused_in_words() -> None:
    with pytest.raises(ConfigError, match=r"knows no stop texts, got stop=\['END'\].*api: chat"):
        body(Request(TURNS, Sampling(stop=("END",))), "m", True, None)


def test_text_reasoning_and_usage_are_read() -> None:
    reasoning = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "two"}, {"text": "and two"}]}
    usage = {
        "input_tokens": 90,
        "input_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 15},
    }
    raw = reply(text("Yes", logprobs=LISTED), text("."), usage=usage, model="m-2026")
    raw["output"].insert(0, reasoning)
    found = read(raw, "m")
    assert (found.text, found.finish_reason, found.model, found.reasoning) == (
        "Yes.",
        "stop",
        "m-2026",
        "two\n\nand two",
    )
    assert (found.input_tokens, found.cached_input_tokens, found.cache_write_tokens) == (90, 50, 30)
    assert (found.output_tokens, found.reasoning_tokens) == (20, 15)
    assert found.logprobs == (TokenLogprob("Yes", -0.2, (("Yes", -0.2),)),)


def test_reasoning_that_is_shown_whole_is_preferred_to_its_summary() -> None:
    raw = reply(text("Yes"))
    raw["output"].append({"type": "reasoning", "summary": [{"text": "short"}], "content": [{"text": "whole"}]})
    assert read(raw, "m").reasoning == "whole"
    assert read(reply(text("Yes")), "m").reasoning is None


def test_a_refusal_part_is_a_refusal() -> None:
    found = read(reply({"type": "refusal", "refusal": "No."}), "m")
    assert (found.text, found.finish_reason) == ("No.", "refusal")


@pytest.mark.parametrize(
    ("reason", "meant"),
    [("max_output_tokens", "length"), ("content_filter", "refusal"), ("max_messages", "length"), (None, "length")],
)
def test_incomplete_replies(reason: str | None, meant: str) -> None:
    details = None if reason is None else {"reason": reason}
    raw = {"status": "incomplete", "incomplete_details": details, "output": []}
    check_honoured(raw, Request(TURNS))
    found = read(raw, "m")
    assert (found.finish_reason, found.text, found.input_tokens) == (meant, "", None)


def test_missing_log_probabilities_are_an_error() -> None:
    request = Request(TURNS, top_logprobs=3)
    with pytest.raises(NotHonoured, match=r"top_logprobs: 3.*without them"):
        check_honoured(reply(text("Yes", logprobs=[])), request)
    check_honoured(reply(text("Yes", logprobs=LISTED)), request)
    check_honoured(reply({"type": "refusal", "refusal": "No."}), request)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("server_error", Transient(maybe_billed=True)),
        ("rate_limit_exceeded", RateLimited()),
        ("invalid_prompt", Fatal(maybe_billed=True)),
        (None, Transient(maybe_billed=True)),
    ],
)
def test_a_failure_behind_a_good_status_is_an_error(code: str | None, verdict: object) -> None:
    with pytest.raises(FailedReply, match="it broke") as caught:
        check_honoured({"status": "failed", "error": {"code": code, "message": "it broke"}}, Request(TURNS))
    assert OpenAIBackend("m").classify(caught.value) == verdict


@pytest.mark.parametrize("raw", [{"status": "queued", "output": []}, {"status": "completed"}])
def test_a_reply_that_has_not_ended_is_malformed(raw: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply, match="no answer"):
        check_honoured(raw, Request(TURNS))
