from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.records import Message
from teachers.backend import Request, Sampling
from teachers.calls.request_keys import RequestKeys, request_json

IDENTITY = {"provider": "openai", "endpoint": "https://api.openai.com/v1", "model": "m"}
BASE = Request((Message("user", "2+2?"),), Sampling(seed=1), metadata={"prompt": "p"})


def key(request: Request, identity: dict[str, str] = IDENTITY) -> str:
    return RequestKeys(identity).key(request_json(request))


def test_the_key_of_a_known_request_never_changes() -> None:
    """Were this to change, every ledger in the world would be paid for again."""
    assert key(BASE) == "8cb5072a8577d187508c6175428d8a1a79b3abe2"


@pytest.mark.parametrize(
    "changed",
    [
        replace(BASE, messages=(Message("user", "2+3?"),)),
        replace(BASE, messages=(Message("system", "2+2?"),)),
        replace(BASE, messages=(Message("user", "2+2?"), Message("user", ""))),
        replace(BASE, sample=1),
        replace(BASE, schema={"type": "object"}),
        replace(BASE, sampling=Sampling(seed=2)),
        replace(BASE, sampling=Sampling(seed=1, temperature=None)),
        replace(BASE, sampling=Sampling(seed=1, top_p=0.9)),
        replace(BASE, sampling=Sampling(seed=1, max_output_tokens=1)),
        replace(BASE, sampling=Sampling(seed=1, stop=("x",))),
    ],
)
def test_everything_that_decides_a_reply_changes_the_key(changed: Request) -> None:
    assert key(changed) != key(BASE)


@pytest.mark.parametrize("field", ["provider", "endpoint", "model"])
def test_the_identity_changes_the_key(field: str) -> None:
    assert key(BASE, {**IDENTITY, field: "other"}) != key(BASE)


def test_metadata_does_not_change_the_key() -> None:
    assert key(replace(BASE, metadata={})) == key(BASE)


@given(st.text(), st.text())
def test_text_cannot_move_between_messages(a: str, b: str) -> None:
    split = replace(BASE, messages=(Message("user", a), Message("user", b)))
    joined = replace(BASE, messages=(Message("user", a + b),))
    assert key(split) != key(joined)


def test_lone_surrogates_have_a_key_too() -> None:
    assert key(replace(BASE, messages=(Message("user", "\ud800"),)))


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text())),
    st.none() | st.sampled_from([0, 0.0, 1, 1.0, 0.7, 1e-7]),
    st.sampled_from([1, 1.0, 0.95]),
    st.none() | st.integers(-5, 5),
    st.lists(st.text(), max_size=2),
    st.integers(0, 10),
)
def test_the_quick_way_writes_what_the_json_library_writes(
    turns: list[tuple[Any, str]], temperature: Any, top_p: Any, seed: int | None, stop: list[str], sample: int
) -> None:
    messages = tuple(Message(role, content) for role, content in turns)
    request = Request(messages, Sampling(temperature, top_p, 9, seed, tuple(stop)), sample)
    whole = {
        "messages": [list(turn) for turn in turns],
        "sampling": [temperature, top_p, 9, seed, stop],
        "schema": None,
        "sample": sample,
    }
    assert request_json(request) == json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
