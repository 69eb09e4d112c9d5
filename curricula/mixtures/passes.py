"""Mixtures that go through passes of their own making."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError, DataError

__all__ = ["CyclicPasses", "PassMixture", "RandomSubsets", "SpacedRepeats", "cycle_shares", "weighted_order"]


class PassMixture(Mixture):
    """Makes passes, each a list of lessons, and cuts them into updates one after another.

    A pass comes from its number alone, so any update can be drawn without those before it.
    """

    @abstractmethod
    def sizes(self, pool: Pool, entries: int) -> Positions:
        """Return how many lessons each pass has, at least `entries` in all, each above 0."""

    @abstractmethod
    def make(self, pool: Pool, number: int, size: int, generator: np.random.Generator) -> Positions:
        """Return the places of one pass, int64 [size]."""

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Cut the update out of the passes that it lies in; its stage is the first one's number."""
        entries = moment.updates * moment.count
        ends = pool.once((self, "ends"), entries, lambda: np.cumsum(self.sizes(pool, entries)))
        first, last = moment.update * moment.count, (moment.update + 1) * moment.count
        low, high = np.searchsorted(ends, [first, last - 1], side="right")
        pieces = []
        for number in range(int(low), int(high) + 1):
            start = int(ends[number - 1]) if number else 0
            order = self.whole_pass(pool, number, int(ends[number]) - start, moment)
            pieces.append(order[max(0, first - start) : last - start])
        return even_weights(np.concatenate(pieces), int(low))

    def whole_pass(self, pool: Pool, number: int, size: int, moment: Moment) -> Positions:
        """Return one pass, made anew only when the update has left the one before."""
        key = (number, size, moment.seed)
        return pool.once((self, number % 2), key, lambda: self.make(pool, number, size, moment.pass_generator(number)))


class RandomSubsets(PassMixture):
    """Another random part of the lessons in every pass: RS2 (Okanovic et al. 2023, arXiv:2305.18424).

    The baseline that every selection must beat at the same number of lessons drawn. Without repeats between the passes
    it is the same as shuffled passes through all lessons, so the subsets here are drawn anew each time.

    Args:
        share: Share of the lessons in one pass, in (0, 1].
    """

    def __init__(self, share: float = 0.1) -> None:
        self.share = share

    def sizes(self, pool: Pool, entries: int) -> Positions:
        """Return passes of one size."""
        if not 0 < self.share <= 1:
            raise ConfigError(
                f"RandomSubsets got share={self.share}; allowed are numbers above 0 and up to 1. Correct `share`."
            )
        size = max(1, round(self.share * len(pool)))
        return np.full(-(-entries // size), size)

    def make(self, pool: Pool, number: int, size: int, generator: np.random.Generator) -> Positions:
        """Draw a subset, in random order."""
        return generator.permutation(len(pool))[:size]


class CyclicPasses(PassMixture):
    """Passes that grow and shrink: cyclical curriculum learning (Kesgin, Amasyali 2022, arXiv:2202.05531).

    Pass k draws S_k of the lessons without repeats, with chances in proportion to a score (the authors': 1 / loss of a
    model trained plainly, so large is easy). S_0 = low; while the sum of all S is below the number of passes: growing,
    S <- min(S / factor, high), and shrinking, S <- max(S * factor, low). So exactly as many lessons are drawn as in
    so many plain passes.

    Args:
        by: Name of the signal that the chances follow, each value above 0; None for equal chances.
        low: sp: smallest share of the lessons in a pass, in (0, 1].
        high: ep: largest share.
        factor: alpha: how fast it grows and shrinks, in (0, 1).
    """

    def __init__(self, by: str | None = None, low: float = 0.25, high: float = 1.0, factor: float = 0.5) -> None:
        self.by = by
        self.low = low
        self.high = high
        self.factor = factor

    def sizes(self, pool: Pool, entries: int) -> Positions:
        """Return the sizes of the cycle."""
        if not (0 < self.low <= self.high <= 1 and 0 < self.factor < 1):
            raise ConfigError(
                f"CyclicPasses got low={self.low}, high={self.high} and factor={self.factor}; allowed is "
                "0 < low <= high <= 1, and a factor between 0 and 1. Correct them."
            )
        shares = cycle_shares(self.low, self.high, self.factor, entries / len(pool))
        return np.maximum(1, np.round(np.array([*shares, self.high]) * len(pool))).astype(np.int64)

    def make(self, pool: Pool, number: int, size: int, generator: np.random.Generator) -> Positions:
        """Draw by the scores; in random order, so that the likely ones do not all come first."""
        if self.by is None:
            return generator.permutation(len(pool))[:size]
        return generator.permutation(weighted_order(chances(pool, self.by), size, generator))


def cycle_shares(low: float, high: float, factor: float, passes: float) -> list[float]:
    """Return the shares of cyclical curriculum learning, adding up to at least `passes`.

    >>> cycle_shares(0.25, 1.0, 0.5, 3.0)
    [0.25, 0.5, 1.0, 0.5, 0.25, 0.5]
    """
    shares, rising = [low], True
    while sum(shares) < passes:
        now = shares[-1]
        rising = now == low or (rising and now != high)
        shares.append(min(now / factor, high) if rising else max(now * factor, low))
    return shares


def chances(pool: Pool, by: str) -> Scores:
    """Return a signal's values as chances, each above 0.

    Raises:
        DataError: A value is missing, or not above 0.
    """
    values = pool.values(by)
    wrong = ~(values > 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{by!r} cannot be used as chances: {wrong.sum()} of {len(values)} values are missing or not above 0, "
            f"first {values[row]:g} for lesson {pool.ids[row]!r}. Every lesson needs a number above 0. Calibrate the "
            "signal, or leave those lessons out with curricula.Band."
        )
    return values


def weighted_order(weights: Scores, count: int, generator: np.random.Generator) -> Positions:
    """Draw without repeats with chances in proportion to the weights, in the order of drawing, int64 [count].

    The keys E / w, E exponential, come in just this order (Efraimidis, Spirakis 2006).
    """
    keys = generator.standard_exponential(len(weights)) / weights
    best = np.argpartition(keys, count - 1)[:count] if count < len(keys) else np.arange(len(keys))
    return best[np.argsort(keys[best], kind="stable")]


class SpacedRepeats(PassMixture):
    """Repeats every lesson after the same number of others: blocks of the plan's order, each gone through repeatedly.

    After the view-batch of arXiv:2503.18371, which keeps the interval between two visits of a lesson fixed.

    Args:
        gap: Lessons from one visit to the next, at least 1; a last block that is smaller has smaller gaps.
        repeats: How often a block is gone through before the next one, at least 1.
    """

    follows_order = True

    def __init__(self, gap: int, repeats: int = 3) -> None:
        self.gap = gap
        self.repeats = repeats

    def sizes(self, pool: Pool, entries: int) -> Positions:
        """Return every block as often as it is repeated."""
        if self.gap < 1 or self.repeats < 1:
            raise ConfigError(
                f"SpacedRepeats got gap={self.gap} and repeats={self.repeats}; both must be at least 1. Correct them."
            )
        full, rest = divmod(len(pool), self.gap)
        blocks = np.repeat([self.gap] * full + [rest] * (rest > 0), self.repeats)
        rounds = -(-entries // (self.repeats * len(pool)))
        return np.tile(blocks, rounds).astype(np.int64)

    def make(self, pool: Pool, number: int, size: int, generator: np.random.Generator) -> Positions:
        """Return a block of the order."""
        blocks = -(-len(pool) // self.gap)
        first = number // self.repeats % blocks * self.gap
        return pool.order[first : first + size]
