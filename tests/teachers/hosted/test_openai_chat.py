from __future__ import annotations

from typing import Any

import pytest

from lessons.errors import ConfigError
from lessons.records import Message
from teachers.backend import Request, Sampling, TokenLogprob
from teachers.hosted.http_errors import NotHonoured
from teachers.hosted.openai_chat import body, check_honoured, read

QUESTION = Request((Message("user", "2+2?"),), Sampling(None, max_output_tokens=9))
LISTED = [
    {"token": "4", "logprob": -0.1, "top_logprobs": [{"token": "5", "logprob": -3.0}, {"token": "4", "logprob": -0.1}]},
    {"token": "!", "logprob": -0.5},
]


def asking(**fields: Any) -> Request:
    return Request(QUESTION.messages, QUESTION.sampling, **fields)


def reply(finish: str | None = "stop", logprobs: Any = None, **message: Any) -> dict[str, Any]:
    return {"choices": [{"finish_reason": finish, "message": {"content": "4!", **message}, "logprobs": logprobs}]}


def test_only_what_is_set_is_sent() -> None:
    assert body(QUESTION, "m", "max_tokens", True, None) == {
        "model": "m",
        "messages": [{"role": "user", "content": "2+2?"}],
        "max_tokens": 9,
    }


def test_log_probabilities_are_asked_for() -> None:
    fields = body(asking(top_logprobs=20), "m", "max_tokens", True, None)
    assert (fields["logprobs"], fields["top_logprobs"]) == (True, 20)


@pytest.mark.parametrize("number", [21, -1])
def test_more_log_probabilities_than_there_are_are_refused(number: int) -> None:
    with pytest.raises(ConfigError, match=rf"top_logprobs is {number}; .* 1 to 20 tokens.*Ask for fewer"):
        body(asking(top_logprobs=number), "m", "max_tokens", True, None)


def test_log_probabilities_are_read_likeliest_first() -> None:
    logprobs = read(reply(logprobs={"content": LISTED}), "m").logprobs
    assert logprobs == (TokenLogprob("4", -0.1, (("4", -0.1), ("5", -3.0))), TokenLogprob("!", -0.5))
    assert "".join(entry.token for entry in logprobs) == "4!"
    assert read(reply(), "m").logprobs is None


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": []}])
def test_a_server_that_leaves_log_probabilities_out_is_not_trusted(logprobs: Any) -> None:
    with pytest.raises(
        NotHonoured, match=r"asked for log-probabilities \(top_logprobs: 5\).*without them.*Ask a server"
    ):
        check_honoured(reply(logprobs=logprobs), asking(top_logprobs=5))
    check_honoured(reply(logprobs=logprobs), QUESTION)
    check_honoured(reply(logprobs={"content": LISTED}), asking(top_logprobs=5))


def test_a_refusal_needs_no_log_probabilities() -> None:
    check_honoured(reply(content=None, refusal="No."), asking(top_logprobs=5))
    refused = read(reply(content=None, refusal="No.", logprobs={"content": LISTED}), "m")
    assert (refused.text, refused.finish_reason, refused.logprobs) == ("No.", "refusal", None)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stop", "stop"),
        (None, "stop"),
        ("tool_calls", "stop"),
        ("function_call", "stop"),
        ("length", "length"),
        ("content_filter", "refusal"),
    ],
)
def test_finish_reasons(said: str | None, meant: str) -> None:
    assert read(reply(said), "m").finish_reason == meant


def test_usage_is_read_to_the_last_detail() -> None:
    usage = {
        "prompt_tokens": 90,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 15},
    }
    found = read({**reply(), "usage": usage}, "m")
    assert (found.input_tokens, found.cached_input_tokens, found.cache_write_tokens) == (90, 50, 30)
    assert (found.output_tokens, found.reasoning_tokens, found.model) == (20, 15, "m")
