"""Lessons shown in one of several views: a dial that a pacing turns, or a view of its own for every lesson."""

from __future__ import annotations

from typing import Literal
from zlib import crc32

import numpy as np

from curricula.arrays import Positions
from curricula.feedback import Feedback
from curricula.mixtures.around import MixtureAround
from curricula.mixtures.base import Draw, Mixture, Moment
from curricula.pacing.base import Pacing
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["Dial", "ViewBy", "refuse_named_views"]

OWN_CHANCE = crc32(b"Dial")


class Dial(MixtureAround):
    """Draws as another mixture does, and shows the lessons in the view that a pacing has turned the dial to.

    Training's rendering has the views (`students.Views`): the same lesson with most of its rationale given, with less,
    with none; with a hint and without. With a the pacing's share and V the number of views, an update shows

    - together: all its lessons in view min(V - 1, floor(a V)), so that a linear pacing gives every view as long: the
      stages of a reverse curriculum (R3, Xi et al. 2024, arXiv:2402.05808);
    - between: each lesson in one of the two views beside x = a (V - 1), in the upper one with the chance
      x - floor(x). With two views, a is the chance of the second: scheduled sampling's form (our reading);
    - opened: each lesson in any of the views up to the one of "together", evenly. With Steady(1.0) it is the mixture of
      all stages that R3 ends with (our reading).

    Args:
        mixture: What draws the lessons.
        pacing: How far the dial is turned, from the first view (0) to the last (1).
        views: Number of views of the rendering.
        spread: Whether the lessons of an update are shown "together", "between" two views, or in all "opened".
    """

    def __init__(
        self,
        mixture: Mixture,
        pacing: Pacing,
        views: int = 2,
        spread: Literal["together", "between", "opened"] = "together",
    ) -> None:
        super().__init__(mixture)
        self.pacing = pacing
        self.views = views
        self.spread = spread

    @property
    def hears(self) -> bool:  # type: ignore[override]
        """Whether the mixture or the pacing hears."""
        return self.mixture.hears or self.pacing.hears

    def start(self, pool: Pool) -> State:
        """Return the first states of both.

        Raises:
            ConfigError: The settings are outside their range.
        """
        if self.views < 1 or self.spread not in ("together", "between", "opened"):
            raise ConfigError(
                f"Dial got views={self.views} and spread={self.spread!r}; allowed are 1 view or more, as many as the "
                "rendering has, and 'together', 'between' or 'opened'. Correct them."
            )
        return {"mixture": self.mixture.start(pool), "pacing": self.pacing.start(pool.round_number)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Tell both."""
        heard = self.mixture.hear(pool, state["mixture"], feedback)
        return {"mixture": heard, "pacing": self.pacing.hear(state["pacing"], feedback)}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw, and choose the view of every lesson."""
        drawn = self.mixture.draw(pool, state["mixture"], moment)
        share = self.pacing.share(moment.progress, state["pacing"])
        return drawn._replace(views=self.chosen(share, len(drawn.places), moment))

    def chosen(self, share: float, count: int, moment: Moment) -> Positions:
        """Return the views of so many lessons, int64 [count]."""
        reached = min(self.views - 1, int(share * self.views))
        if self.spread == "together":
            return np.full(count, reached, np.int64)
        generator = moment.generator(OWN_CHANCE)
        if self.spread == "opened":
            return generator.integers(0, reached + 1, count)
        turned = share * (self.views - 1)
        return int(turned) + (generator.random(count) < turned - int(turned)).astype(np.int64)


class ViewBy(MixtureAround):
    """Draws as another mixture does, and shows every lesson in the view that a signal names.

    It goes around mixtures that put other lessons in the place of those drawn (`Linked`, `Replay`), never inside them:
    there a lesson would be shown in the view named for another.

    A pass rate cut into tiers by `Calibrated(..., Cutoffs([0.0]))` gives a hint to those lessons only that the student
    never solved: after Guide (2025, arXiv:2506.13923; our reading, as a plan made beforehand). With more tiers, easy
    and hard lessons get answers of other kinds.

    Args:
        mixture: What draws the lessons.
        by: Name of the signal: the number of the view, from 0.
    """

    def __init__(self, mixture: Mixture, by: str) -> None:
        super().__init__(mixture)
        self.by = by

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw, and look up the views."""
        drawn = self.mixture.draw(pool, state, moment)
        views = pool.once((self, "views"), None, lambda: self.numbers(pool))
        return drawn._replace(views=views[drawn.places])

    def numbers(self, pool: Pool) -> Positions:
        """Return every lesson's view, int64 [n].

        Raises:
            ConfigError: A value is missing, or no whole number from 0 up.
        """
        values = pool.values(self.by)
        wrong = ~((values >= 0) & (values == np.floor(values)))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ConfigError(
                f"{self.by!r} names no view for {wrong.sum()} of {len(values)} lessons, first {values[row]:g} for "
                f"lesson {pool.ids[row]!r}. Needed are whole numbers from 0 up. Calibrate the signal with "
                "curricula.Cutoffs or curricula.EqualTiers."
            )
        return values.astype(np.int64)


def refuse_named_views(part: Mixture, inner: Mixture) -> None:
    """Refuse, in a mixture that changes which lessons are drawn, a mixture inside that named their views.

    Raises:
        ConfigError: There is one.
    """
    around: object = inner
    while around is not None:
        if isinstance(around, ViewBy):
            name = type(part).__name__
            raise ConfigError(
                f"{name} got a mixture with ViewBy({around.by!r}) inside and puts other lessons in the place of those "
                "that it drew, so they would be shown in views named for others. Allowed inside are mixtures that "
                f"name no views by lesson. Put ViewBy around {name}."
            )
        around = getattr(around, "mixture", None)
