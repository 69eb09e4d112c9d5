from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessons.errors import ConfigError
from teachers import AnthropicBackend
from teachers.calls.pricing import Price, Rate, find_price


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


MONEY = st.floats(0, 1_000)
RATES = st.builds(
    lambda base, tiers: Rate(base, tuple(sorted(tiers, key=lambda tier: tier[0]))),
    MONEY,
    st.lists(st.tuples(st.integers(1, 10**6), MONEY), max_size=3, unique_by=lambda tier: tier[0]),
)
PRICES = st.builds(Price, RATES, RATES, st.none() | RATES, st.none() | RATES)
TOKENS = st.integers(0, 10**7)


@given(PRICES, TOKENS, TOKENS, TOKENS, TOKENS)
def test_the_worst_case_bounds_every_price_and_every_split(
    price: Price, read: int, written: int, cached: int, kept: int
) -> None:
    cost = price.cost(read, written, cached, kept)
    assert 0 <= cost <= price.most(read, written) * (1 + 1e-12) + 1e-9


@given(PRICES, TOKENS, TOKENS, TOKENS, TOKENS, st.floats(0, 2))
def test_a_scaled_price_costs_that_share(
    price: Price, read: int, written: int, cached: int, kept: int, factor: float
) -> None:
    scaled = price.scaled(factor).cost(read, written, cached, kept)
    assert scaled == pytest.approx(factor * price.cost(read, written, cached, kept), rel=1e-9, abs=1e-9)


def test_every_sort_of_token_has_its_price() -> None:
    price = Price(Rate(3.0), Rate(15.0), cached_input=Rate(0.3), cache_write=Rate(3.75))
    assert price.cost(10_000, 1_000, 2_000, 5_000) == pytest.approx(
        (3_000 * 3.0 + 2_000 * 0.3 + 5_000 * 3.75 + 1_000 * 15.0) / 1e6
    )
    flat = Price.flat(3.0, 15.0)
    assert flat.cost(10_000, 1_000, 2_000, 5_000) == pytest.approx(flat.cost(10_000, 1_000))


def test_prices_of_the_cache_can_be_given_alone() -> None:
    price = find_price("claude-sonnet-4-5", "anthropic", cached_input_price=0.1, cache_write_price=9.0)
    assert price is not None
    assert (price.cached_input, price.cache_write) == (Rate(0.1), Rate(9.0))
    assert price.input.base == 3.0
    assert find_price("no-such-model", "openai", cached_input_price=0.1) is None
    with pytest.raises(ConfigError, match=r"cached_input_price=-1"):
        find_price("m", "openai", cached_input_price=-1)


def test_writing_to_the_cache_is_never_taken_as_free() -> None:
    given_alone = AnthropicBackend("m", input_price=4.0, output_price=1.0).price
    assert given_alone is not None
    assert given_alone.cost(1_000_000, 0, cache_write_tokens=1_000_000) == pytest.approx(5.0)
    looked_up = AnthropicBackend("claude-sonnet-4-5").price
    assert looked_up is not None
    assert looked_up.cost(100_000, 0, cache_write_tokens=100_000) == pytest.approx(0.375)
