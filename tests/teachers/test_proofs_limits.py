"""No limit of a provider is exceeded, whether it was told or learnt from headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from provider import Provider, RateLimits, busiest, serving

from teachers import AnthropicBackend, Limits, OpenAIBackend, RationaleAnnotator, TeacherBackend, distill

CALLS = 400
MOST_WRITTEN = 30
WINDOW_SECONDS = 1.0
"""The provider holds its limits by the second: an emulated minute passes in one."""
LIMITS = [
    ("openai", "requests", 12_000),
    ("anthropic", "requests", 12_000),
    ("anthropic", "input_tokens", 120_000),
    ("anthropic", "output_tokens", 90_000),
]


def backend_of(vendor: str, provider: Provider) -> TeacherBackend:
    if vendor == "openai":
        return OpenAIBackend("gpt-test", provider.openai_url, "TEST_KEY", 1.0, 2.0)
    return AnthropicBackend("claude-test", provider.anthropic_url, "TEST_KEY", 1.0, 2.0)


@pytest.mark.parametrize("told", [True, False], ids=["told", "learnt"])
@pytest.mark.parametrize(("vendor", "limit", "per_minute"), LIMITS)
def test_a_bucket_is_never_overdrawn(
    tmp_path: Path,
    sums: Any,
    bare_template: str,
    monkeypatch: pytest.MonkeyPatch,
    vendor: str,
    limit: str,
    per_minute: int,
    told: bool,
) -> None:
    monkeypatch.setenv("TEST_KEY", "key")
    rates: dict[str, Any] = {limit: per_minute}
    given: dict[str, Any] = {f"{limit}_per_minute": per_minute} if told else {}
    provider = Provider(limits=RateLimits(**rates, window_seconds=WINDOW_SECONDS), latency_seconds=0.02)
    annotators = [RationaleAnnotator(template=bare_template, max_output_tokens=MOST_WRITTEN)]
    limits = Limits(in_flight=16, first_wait_seconds=0.05, **given)
    with serving(provider):
        teacher = backend_of(vendor, provider)
        distill(sums(CALLS), teacher, annotators, None, tmp_path / "l", tmp_path / "o", limits, progress=False)
    assert len(provider.bill.charges) == CALLS
    assert len(provider.gate.refused) <= 0.01 * CALLS
    used = {
        "requests": [(at, 1) for at, _, _ in provider.gate.passed],
        "input_tokens": [(at, read) for at, read, _ in provider.gate.passed],
        "tokens": [(at, read + most) for at, read, most in provider.gate.passed],
        "output_tokens": provider.gate.written,
    }[limit]
    in_a_window = per_minute * WINDOW_SECONDS / 60
    assert busiest(used, 3 * WINDOW_SECONDS) <= 4 * in_a_window + MOST_WRITTEN * limits.in_flight * (
        limit != "requests"
    )
