from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from teachers.hosted.rate_headers import read_rate_headers, seconds_of
from teachers.rate_news import RateNews, Window


def raw(**headers: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]


def test_openais_headers() -> None:
    news = read_rate_headers(
        raw(
            date="Mon, 26 May 2025 05:00:04 GMT",
            x_ratelimit_limit_requests="5000",
            x_ratelimit_limit_tokens="160000",
            x_ratelimit_remaining_requests="4999",
            x_ratelimit_remaining_tokens="159976",
            x_ratelimit_reset_requests="12ms",
            x_ratelimit_reset_tokens="6m0s",
            x_ratelimit_limit_tokens_usage_based="1",
        ),
        0.0,
    )
    assert news == RateNews(Window(5000.0, 4999.0, 0.012), Window(160000.0, 159976.0, 360.0))


def test_anthropics_headers() -> None:
    names = {"requests": 50, "tokens": 100, "input-tokens": 80, "output-tokens": 20}
    headers = []
    for name, limit in names.items():
        headers += raw(**{
            f"anthropic-ratelimit-{name}-limit": str(limit),
            f"anthropic-ratelimit-{name}-remaining": str(limit - 1),
            f"Anthropic-Ratelimit-{name.title()}-Reset": "2026-11-21T07:00:30Z",
        })  # fmt: skip
    now = datetime(2026, 11, 21, 7, tzinfo=UTC).timestamp()
    read, written = Window(80.0, 79.0, 30.0), Window(20.0, 19.0, 30.0)
    assert read_rate_headers(headers, now) == RateNews(
        Window(50.0, 49.0, 30.0), Window(100.0, 99.0, 30.0), read, written
    )
    late = read_rate_headers(headers, now + 60)
    assert late is not None
    assert late.requests == Window(50.0, 49.0, 0.0)


def test_a_days_limit_is_not_taken_for_a_minutes() -> None:
    reset = raw(
        x_ratelimit_limit_requests="10000", x_ratelimit_remaining_requests="9999", x_ratelimit_reset_requests="8.64s"
    )
    assert read_rate_headers(reset, 0.0) == RateNews(Window(None, 9999.0, 8.64))
    minute = raw(x_ratelimit_limit_requests="60", x_ratelimit_remaining_requests="30", x_ratelimit_reset_requests="30s")
    assert read_rate_headers(minute, 0.0) == RateNews(Window(60.0, 30.0, 30.0))


@pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "-3", "2026-99-99T00:00:00Z", "1m soon", "5 s", "-5s"])
def test_nonsense_is_not_news(value: str) -> None:
    assert read_rate_headers(raw(x_ratelimit_reset_requests=value, content_type="json"), 0.0) is None
    assert read_rate_headers(raw(anthropic_ratelimit_requests_limit="many"), 0.0) is None


PARTS = st.tuples(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))


@given(PARTS)
@example((0, 6, 0, 0))
def test_durations_are_read_as_go_writes_them(parts: tuple[int, int, int, int]) -> None:
    hours, minutes, seconds, thousandths = parts
    fraction = f".{thousandths:03d}".rstrip("0") if thousandths else ""
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{seconds}{fraction}s"
    assert seconds_of(text) == pytest.approx(3600 * hours + 60 * minutes + seconds + thousandths / 1000)
    assert seconds_of(f"{thousandths}ms") == pytest.approx(thousandths / 1000)


@given(st.text(max_size=12))
def test_no_text_breaks_the_reading(text: str) -> None:
    seconds = seconds_of(text)
    assert seconds is None or seconds >= 0
    read_rate_headers([(b"x-ratelimit-reset-tokens", text.encode("utf-8", "surrogatepass"))], 0.0)
