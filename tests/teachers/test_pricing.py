from __future__ import annotations

import pytest

from lessons.errors import ConfigError
from teachers.pricing import Price, Rate, find_price


def test_prices_are_looked_up() -> None:
    price = find_price("gpt-4o-mini", "openai")
    assert price is not None
    assert (price.input.base, price.output.base) == (0.15, 0.6)
    assert price.cost(1_000_000, 0, cached_input_tokens=1_000_000) == pytest.approx(0.075)


def test_given_prices_win() -> None:
    price = find_price("gpt-4o-mini", "openai", input_price=1.0, output_price=3.0)
    assert price is not None
    assert price.cost(1_000, 2_000) == pytest.approx(0.007)


def test_unknown_is_none_and_never_zero() -> None:
    assert find_price("no-such-model", "openai") is None
    assert find_price("gpt-4o-mini", "openai", base_url="http://127.0.0.1:1/v1") is None


def test_tiers_apply_above_their_start() -> None:
    price = find_price("claude-sonnet-4-5", "anthropic")
    assert price is not None
    assert price.cost(100_000, 0) == pytest.approx(0.3)
    assert price.cost(300_000, 0) == pytest.approx(1.8)
    assert price.most(100_000, 0) >= price.cost(300_000, 0) / 3


def test_the_worst_case_bounds_every_split_of_the_tokens() -> None:
    price = Price(Rate(1.0, ((100, 4.0),)), Rate(2.0), cached_input=Rate(0.1), cache_write=Rate(6.0))
    for read in (1, 100, 101, 10_000):
        for cached in (0, read // 2, read):
            assert price.cost(read, 50, cached) <= price.most(read, 50)


def test_one_price_alone_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"Prices come in pairs.*input_price=1\.0, output_price=None.*Give both of"):
        find_price("m", "openai", input_price=1.0)
