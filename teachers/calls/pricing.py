"""What a call costs: prices per token from genai-prices, or given by the user. Unknown is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lessons.errors import ConfigError

__all__ = ["Price", "Rate", "find_price"]


@dataclass(frozen=True, slots=True)
class Rate:
    """Dollars per million tokens of one sort, which may rise with the length of the input."""

    base: float
    """Dollars per million tokens."""
    tiers: tuple[tuple[int, float], ...] = ()
    """(start, dollars): above `start` input tokens all tokens of the call cost this much; starts ascend."""

    def at(self, input_tokens: int) -> float:
        """Return the dollars per million tokens of a call with that many input tokens."""
        rate = self.base
        for start, dollars in self.tiers:
            if input_tokens > start:
                rate = dollars
        return rate

    def scaled(self, factor: float) -> Rate:
        """Return the rate multiplied by a factor."""
        return Rate(self.base * factor, tuple((start, dollars * factor) for start, dollars in self.tiers))

    @property
    def highest(self) -> float:
        """The highest rate of any tier."""
        return max(self.base, *(dollars for _, dollars in self.tiers)) if self.tiers else self.base


@dataclass(frozen=True, slots=True)
class Price:
    """What one model charges."""

    input: Rate
    """Tokens read."""
    output: Rate
    """Tokens written."""
    cached_input: Rate | None = None
    """Tokens read from the provider's cache; None: charged as other input."""
    cache_write: Rate | None = None
    """Tokens written to the provider's cache, where that costs more than reading."""

    @classmethod
    def flat(cls, input_price: float, output_price: float) -> Price:
        """Make a price from dollars per million tokens."""
        return cls(Rate(input_price), Rate(output_price))

    @classmethod
    def free(cls) -> Price:
        """Return the price of a model on this machine."""
        return FREE

    def scaled(self, factor: float) -> Price:
        """Return the price with every rate multiplied by a factor: what a batch costs.

        >>> Price.flat(2.0, 10.0).scaled(0.5) == Price.flat(1.0, 5.0)
        True
        """
        return Price(
            self.input.scaled(factor),
            self.output.scaled(factor),
            None if self.cached_input is None else self.cached_input.scaled(factor),
            None if self.cache_write is None else self.cache_write.scaled(factor),
        )

    def cost(
        self, input_tokens: int, output_tokens: int, cached_input_tokens: int = 0, cache_write_tokens: int = 0
    ) -> float:
        """Return the dollars of one call.

        Args:
            input_tokens: Tokens read, cached and newly cached ones included.
            output_tokens: Tokens written.
            cached_input_tokens: Those of the tokens read that came from the provider's cache.
            cache_write_tokens: Those of the tokens read that were written to it.

        >>> Price.flat(2.0, 10.0).cost(1_000_000, 100_000)
        3.0
        """
        if not cached_input_tokens and not cache_write_tokens:  # nearly every call
            return (input_tokens * self.input.at(input_tokens) + output_tokens * self.output.at(input_tokens)) / 1e6
        cached = min(cached_input_tokens, input_tokens)  # a server that counts them apart must not earn us money
        written = min(cache_write_tokens, input_tokens - cached)
        return (
            (input_tokens - cached - written) * self.input.at(input_tokens)
            + cached * (self.cached_input or self.input).at(input_tokens)
            + written * (self.cache_write or self.input).at(input_tokens)
            + output_tokens * self.output.at(input_tokens)
        ) / 1e6

    def most(self, input_tokens: int, output_tokens: int) -> float:
        """Return the dollars of one call at the worst: the highest tier, every token read written to a cache."""
        dearest = self.input.highest
        for other in (self.cached_input, self.cache_write):
            if other is not None:
                dearest = max(dearest, other.highest)
        return (input_tokens * dearest + output_tokens * self.output.highest) / 1e6


FREE = Price.flat(0.0, 0.0)


def find_price(
    model: str,
    provider: str,
    base_url: str | None = None,
    input_price: float | None = None,
    output_price: float | None = None,
    cached_input_price: float | None = None,
    cache_write_price: float | None = None,
) -> Price | None:
    """Return the price the user gave, else what genai-prices knows, else None.

    Args:
        model: The model's name.
        provider: The provider's name in genai-prices; used when `base_url` is None.
        base_url: Another endpoint: its prices are taken from its own provider, if genai-prices knows the address.
        input_price: Dollars per million tokens read; needs `output_price`.
        output_price: Dollars per million tokens written; needs `input_price`.
        cached_input_price: Dollars per million tokens read from the provider's cache, in place of what is found.
        cache_write_price: Dollars per million tokens written to the provider's cache, in place of what is found.

    Raises:
        ConfigError: Only one of the first two prices was given, or one is negative.
    """
    given = (input_price, output_price, cached_input_price, cache_write_price)
    if (input_price is None) != (output_price is None) or any(price is not None and not price >= 0 for price in given):
        raise ConfigError(
            f"Prices come in pairs and are not negative, got input_price={input_price}, output_price={output_price}, "
            f"cached_input_price={cached_input_price}, cache_write_price={cache_write_price}. All are dollars per "
            "million tokens (0 is allowed). Give both of the first two, or neither to have them looked up."
        )
    if input_price is not None and output_price is not None:
        found = Price.flat(input_price, output_price)
    else:
        looked_up = look_up(model, provider, base_url)
        if looked_up is None:
            return None
        found = looked_up
    if cached_input_price is not None:
        found = replace(found, cached_input=Rate(cached_input_price))
    if cache_write_price is not None:
        found = replace(found, cache_write=Rate(cache_write_price))
    return found


def look_up(model: str, provider: str, base_url: str | None) -> Price | None:
    """Return what genai-prices knows; None for an unknown model or address."""
    from genai_prices import Usage, calc_price  # here: 0.4 s, and only hosted models need it

    usage = Usage(input_tokens=1, output_tokens=1)
    try:
        if base_url is None:
            found = calc_price(usage, model, provider_id=provider).model_price
        else:
            found = calc_price(usage, model, provider_api_url=base_url).model_price
    except LookupError:
        return None
    if found.input_mtok is None or found.output_mtok is None:
        return None
    return Price(
        rate(found.input_mtok),
        rate(found.output_mtok),
        None if found.cache_read_mtok is None else rate(found.cache_read_mtok),
        None if found.cache_write_mtok is None else rate(found.cache_write_mtok),
    )


def rate(value: Any) -> Rate:
    """Turn a price of genai-prices (a number, or tiers) into ours."""
    if hasattr(value, "tiers"):
        return Rate(float(value.base), tuple((int(tier.start), float(tier.price)) for tier in value.tiers))
    return Rate(float(value))
