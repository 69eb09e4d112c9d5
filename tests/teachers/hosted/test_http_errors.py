from __future__ import annotations

import email.utils
import time

import pytest

from lessons.errors import ConfigError, MissingSecret
from teachers.backend import Fatal, RateLimited, Transient
from teachers.hosted.http_errors import (
    MalformedReply,
    classify_status,
    endpoint,
    own,
    read_secret,
    retry_after_seconds,
)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, Fatal()),
        (401, Fatal(everywhere=True)),
        (403, Fatal(everywhere=True)),
        (404, Fatal(everywhere=True)),
        (422, Fatal()),
        (429, RateLimited(None)),
        (529, RateLimited(None)),
        (500, Transient()),
        (503, Transient()),
        (413, Fatal()),
        (402, Fatal(everywhere=True)),
        (520, Transient()),
        (504, Transient(maybe_billed=True)),
        (524, Transient(maybe_billed=True)),
    ],
)
def test_status_codes(status: int, verdict: object) -> None:
    assert classify_status(status, {}, "") == verdict


def test_the_provider_says_how_long() -> None:
    assert classify_status(429, {"retry-after": "7"}, "") == RateLimited(7.0)
    assert classify_status(503, {"retry-after": "2"}, "") == RateLimited(2.0)


def test_an_empty_account_is_not_waited_for() -> None:
    assert classify_status(429, {"retry-after": "7"}, "insufficient_quota") == Fatal(everywhere=True)


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        (400, "Your credit balance is too low to access the API", Fatal(everywhere=True)),
        (400, "code: billing_hard_limit_reached", Fatal(everywhere=True)),
        (429, "Request too large for m on tokens per min: Limit 10, Requested 20", Fatal()),
        (403, "credit balance is too low", Fatal(everywhere=True)),
        (400, "max_tokens: 5", Fatal()),
    ],
)
def test_what_the_text_of_an_error_adds(status: int, text: str, verdict: object) -> None:
    assert classify_status(status, {"retry-after": "7"}, text) == verdict


def test_retry_after_may_be_a_date_or_nonsense() -> None:
    soon = retry_after_seconds({"retry-after": email.utils.formatdate(time.time() + 30, usegmt=True)})
    assert soon is not None
    assert 25 < soon <= 30
    assert retry_after_seconds({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}) == 0
    assert retry_after_seconds({"retry-after": "soon"}) is None
    assert retry_after_seconds({}) is None


def test_an_unset_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(MissingSecret, match=r"NO_SUCH_KEY is not set; X reads its key.*export NO_SUCH_KEY="):
        read_secret("NO_SUCH_KEY", "X")


@pytest.mark.parametrize("url", ["https://me:pw123@host/v1", "https://host/v1?key=pw123", "ftp://host/pw123/../"])
def test_addresses_with_secrets_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url cannot be used") as caught:
        endpoint(url, "")
    if not url.startswith("ftp"):
        assert "pw123" not in str(caught.value)


def test_a_reply_about_something_else_was_meant_for_another_call() -> None:
    assert own({"id": "a", "status": "ended"}, "id", "a")["status"] == "ended"
    with pytest.raises(MalformedReply, match="the reply is about 'b', the question was about 'a'"):
        own({"id": "b"}, "id", "a")
