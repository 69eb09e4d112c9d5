"""Lessons drawn by weight, and lessons that count by weight."""

from __future__ import annotations

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.feedback import Feedback
from curricula.mixtures.around import MixtureAround
from curricula.mixtures.base import Draw, Mixture, Moment, even_weights
from curricula.mixtures.passes import chances, weighted_order
from curricula.pacing.base import Pacing
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["WeightedDraw", "WeightedLoss", "draw_by_sums"]


class WeightedDraw(Mixture):
    """Draws lessons with chances in proportion to s^(1 / temperature), s being a signal above 0.

    Args:
        by: Name of the signal.
        temperature: 1 takes the values as they are, larger evens them out, smaller sharpens them; above 0.
    """

    def __init__(self, by: str, temperature: float = 1.0) -> None:
        self.by = by
        self.temperature = temperature

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw, without repeats in one update as far as there are other lessons."""
        if not self.temperature > 0:
            raise ConfigError(
                f"WeightedDraw got temperature={self.temperature}; allowed are numbers above 0. Correct `temperature`."
            )
        sums = pool.once((self, "sums"), None, lambda: np.cumsum(self.weights(pool)))
        return even_weights(draw_by_sums(sums, moment.count, moment.generator()))

    def weights(self, pool: Pool) -> Scores:
        """Return the chances, up to a factor."""
        values = chances(pool, self.by)
        scaled: Scores = (values / values.max()) ** (1 / self.temperature)  # at most 1: no overflow
        return scaled


def draw_by_sums(sums: Scores, count: int, generator: np.random.Generator) -> Positions:
    """Draw places by the running sums of their weights, each once as far as there are enough, int64 [count].

    Repeats are thrown away and drawn anew, which is drawing without repeats; a few rounds suffice, since an update is
    small beside the pool. Where a few lessons have nearly all the weight, the others get a random key at once.
    """
    drawn = np.empty(0, np.int64)
    for _ in range(16):
        more = np.searchsorted(sums, generator.random(count - len(drawn)) * sums[-1], side="right")
        joined = np.concatenate([drawn, np.minimum(more, len(sums) - 1)])
        _, first = np.unique(joined, return_index=True)
        drawn = joined[np.sort(first)]
        if len(drawn) == count:
            return drawn
    weights = np.diff(sums, prepend=0.0)
    weights[drawn] = 0.0
    others = np.flatnonzero(weights)
    left = min(count - len(drawn), len(others))
    rest = others[weighted_order(weights[others], left, generator)] if left else others[:0]
    return np.resize(np.concatenate([drawn, rest]), count)


class WeightedLoss(MixtureAround):
    """Draws as another mixture does, and lets every lesson count by a signal; a pacing may fade that to 1.

    W(t) = D (1 - a(t)) + a(t), with D the signal and a the pacing: the curriculum of answer re-ranking (MacAvaney
    et al. 2020, arXiv:2004.14269), where a(t) = t / m. There D is in [0, 1], large for easy.

    Args:
        mixture: What draws the lessons.
        by: Name of the signal, every value 0 or more.
        fade: How far the weights have faded to 1; None keeps them.
        opposite: Use 1 - D: the hard ones count first. The signal must then lie in [0, 1].
    """

    def __init__(self, mixture: Mixture, by: str, fade: Pacing | None = None, opposite: bool = False) -> None:
        super().__init__(mixture)
        self.by = by
        self.fade = fade
        self.opposite = opposite

    @property
    def hears(self) -> bool:  # type: ignore[override]
        """Whether the mixture or the pacing hears."""
        return self.mixture.hears or (self.fade is not None and self.fade.hears)

    def start(self, pool: Pool) -> State:
        """Return the first states of both."""
        faded = self.fade.start(pool.round_number) if self.fade else {}
        return {"mixture": self.mixture.start(pool), "fade": faded}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Tell both."""
        faded = self.fade.hear(state["fade"], feedback) if self.fade else {}
        return {"mixture": self.mixture.hear(pool, state["mixture"], feedback), "fade": faded}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw and weigh."""
        drawn = self.mixture.draw(pool, state["mixture"], moment)
        faded = self.fade.share(moment.progress, state["fade"]) if self.fade else 0.0
        weights = pool.once((self, "weights"), None, lambda: self.weights(pool))[drawn.places]
        return drawn._replace(weights=drawn.weights * (weights * (1 - faded) + faded))

    def weights(self, pool: Pool) -> Scores:
        """Return the weight of every lesson before any fading.

        Raises:
            ConfigError: A value is missing or negative, or above 1 with `opposite`.
        """
        values = pool.values(self.by)
        weights = 1 - values if self.opposite else values
        wrong = ~(weights >= 0)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ConfigError(
                f"{self.by!r} cannot weigh the loss: {wrong.sum()} of {len(values)} values are missing or give a "
                f"weight below 0, first {values[row]:g} for lesson {pool.ids[row]!r}. Allowed are numbers from 0 up "
                "(to 1 with opposite). Calibrate the signal with curricula.UnitInterval."
            )
        return weights
