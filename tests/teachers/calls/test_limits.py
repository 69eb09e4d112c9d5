from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from teachers import Limits


@pytest.mark.parametrize("name", ["in_flight", "attempts", "failures_in_a_row"])
def test_limits_that_cannot_work_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"Limits {name} must be 1 or more, got 0"):
        Limits(**{name: 0}).check()


@pytest.mark.parametrize(
    "name", ["requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute", "tokens_per_minute"]
)
def test_rates_that_cannot_work_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"Limits {name} must be above 0, got 0.*learn it from the provider"):
        Limits(**{name: 0}).check()
    Limits(**{name: 0.5}).check()


@pytest.mark.parametrize("name", ["first_wait_seconds", "longest_wait_seconds", "patience_seconds"])
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_waits_are_not_negative(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"Limits {name} must be 0 or more, got (-1\.0|nan)\. Correct"):
        Limits(**{name: value}).check()
