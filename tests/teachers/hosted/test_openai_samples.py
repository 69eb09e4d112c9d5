from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.hosted.openai_chat import read
from teachers.hosted.openai_samples import shares, split


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_shares_add_up_and_follow_the_weights(total: int, weights: list[int]) -> None:
    shared = shares(total, weights)
    assert sum(shared) == total
    assert all(share >= 0 for share in shared)
    scale = sum(weights) or len(weights)
    for share, weight in zip(shared, weights if sum(weights) else [1] * len(weights), strict=True):
        assert abs(share - total * weight / scale) < 1


def choice(index: int, content: str | None, **more: Any) -> dict[str, Any]:
    return {"index": index, "finish_reason": "stop", "message": {"content": content}, **more}


TEXTS = st.lists(st.text(max_size=30), min_size=2, max_size=8)


@given(TEXTS, st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 400))
def test_every_sample_is_a_whole_reply_and_the_usage_adds_up_to_the_bill(
    texts: list[str], read_tokens: int, written: int, thought: int
) -> None:
    usage = {
        "prompt_tokens": read_tokens,
        "completion_tokens": written,
        "total_tokens": read_tokens + written,
        "prompt_tokens_details": {"cached_tokens": read_tokens // 2, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": min(thought, written), "text_tokens": None},
    }
    choices = [choice(k, text) for k, text in enumerate(texts)]
    raw = {"id": "c", "model": "m", "choices": list(reversed(choices)), "usage": usage}
    replies = split(raw)
    found = [read(reply, "m") for reply in replies]
    assert [completion.text for completion in found] == texts
    assert all(reply["shared"] is True and reply["id"] == "c" for reply in replies)
    assert sum(c.input_tokens or 0 for c in found) == found[0].input_tokens == read_tokens
    assert sum(c.cached_input_tokens for c in found) == read_tokens // 2
    assert sum(c.output_tokens or 0 for c in found) == written
    assert sum(c.reasoning_tokens for c in found) == min(thought, written)
    assert all(c.reasoning_tokens <= (c.output_tokens or 0) for c in found)
    assert all(
        r["usage"]["total_tokens"] == r["usage"]["prompt_tokens"] + r["usage"]["completion_tokens"] for r in replies
    )


def test_token_counts_are_shared_by_the_tokens_listed() -> None:
    listed = [{"token": "a", "logprob": 0.0}]
    choices = [
        choice(0, "short", logprobs={"content": listed * 3}),
        choice(1, "a very long text of few tokens", logprobs={"content": listed}),
    ]
    replies = split({"choices": choices, "usage": {"prompt_tokens": 5, "completion_tokens": 4}})
    assert [read(reply, "m").output_tokens for reply in replies] == [3, 1]


@pytest.mark.parametrize("usage", [{}, {"usage": None}])
def test_unknown_usage_stays_unknown(usage: dict[str, Any]) -> None:
    replies = split({"choices": [choice(0, "a"), choice(1, None)], **usage})
    assert [read(reply, "m").output_tokens for reply in replies] == [None, None]


def test_one_choice_is_the_reply_as_it_came() -> None:
    raw = {"choices": [choice(0, "a")], "usage": {"completion_tokens": 3}}
    assert split(raw) == [raw]
