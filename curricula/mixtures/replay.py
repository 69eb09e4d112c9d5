"""What was learnt before, kept alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from curricula.arrays import Positions, Scores
from curricula.feedback import Feedback
from curricula.groups import Groups
from curricula.mixtures.around import MixtureAround
from curricula.mixtures.base import Draw, Mixture, Moment
from curricula.mixtures.groups import draw_from_groups, present_shares
from curricula.mixtures.views import refuse_named_views
from curricula.pacing.base import Pacing
from curricula.pool import Pool
from curricula.state import State
from lessons.errors import ConfigError

__all__ = ["Replay"]


class Replay(MixtureAround):
    """Replaces a share of every update by lessons of earlier rounds, tasks or a fixed general set.

    The other lessons come from another mixture over what is not replayed. A replayed lesson counts 1 in the loss and is
    shown in the view that a dial inside has for its place. With a power law, a group of age a (1 for the latest) is
    replayed in proportion to a^-power: power-law rehearsal (2024, arXiv:2401.10393).

    Args:
        mixture: What draws the new lessons; it sees the pool without the replayed groups.
        by: Name of the signal of groups.
        replayed: The groups to replay, the latest last.
        share: Which share of an update is replayed.
        power: 0 replays each lesson of these groups equally often; above 0, later groups come more often.
        every: Replay only in every so many updates, in each of them that many times the share.
    """

    def __init__(
        self,
        mixture: Mixture,
        by: str,
        replayed: Sequence[str],
        share: Pacing,
        power: float = 0.0,
        every: int = 1,
    ) -> None:
        super().__init__(mixture)
        self.by = by
        self.replayed = replayed
        self.share = share
        self.power = power
        self.every = every

    @property
    def hears(self) -> bool:  # type: ignore[override]
        """Whether the mixture or the pacing hears."""
        return self.mixture.hears or self.share.hears

    def start(self, pool: Pool) -> State:
        """Return the first states of both.

        Raises:
            ConfigError: A setting is outside its range, or a view is named for each lesson before others replace them.
        """
        refuse_named_views(self, self.mixture)
        if self.every < 1 or not self.power >= 0 or not self.replayed:
            raise ConfigError(
                f"Replay got every={self.every}, power={self.power} and {len(self.replayed)} groups to replay; allowed "
                "are at least 1, at least 0, and at least one group. Correct them."
            )
        return {"mixture": self.mixture.start(self.fresh(pool)), "share": self.share.start(pool.round_number)}

    def hear(self, pool: Pool, state: State, feedback: Feedback) -> State:
        """Tell both; the mixture hears only of its own lessons."""
        fresh = self.fresh(pool)
        places = fresh.places_of(pool.rows[feedback.places])
        inside = places >= 0
        figures = {name: values[inside] for name, values in feedback.lessons.items()}
        own = replace(feedback, places=places[inside], lessons=figures)
        heard = self.mixture.hear(fresh, state["mixture"], own)
        return {"mixture": heard, "share": self.share.hear(state["share"], feedback)}

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw new lessons, and put old ones in the place of some of them, at random places."""
        fresh = self.fresh(pool)
        drawn = self.mixture.draw(fresh, state["mixture"], moment)
        places = pool.once((self, "kept"), None, lambda: self.kept(pool))[drawn.places]
        weights = drawn.weights.copy()
        generator = moment.generator(crc32(repr(self.replayed).encode()))  # nested replays must not fall together
        wanted = self.share.share(moment.progress, state["share"]) * moment.count * self.every
        count = min(moment.count, int(wanted + generator.random())) if moment.update % self.every == 0 else 0
        if count:
            groups = pool.groups(self.by)
            shares = pool.once((self, "shares"), None, lambda: self.shares(groups))
            spots = generator.permutation(moment.count)[:count]
            places[spots] = draw_from_groups(groups, shares, count, generator)
            weights[spots] = 1.0
        return drawn._replace(places=places, weights=weights)

    def fresh(self, pool: Pool) -> Pool:
        """Return the pool without the replayed groups, in the same order."""
        return pool.once((self, "fresh"), None, lambda: self.without_replayed(pool))

    def without_replayed(self, pool: Pool) -> Pool:
        """Leave the replayed groups out."""
        kept = self.kept(pool)
        new = np.zeros(len(pool), bool)
        new[kept] = True
        number = np.cumsum(new) - 1
        return pool.subset(kept).ordered(number[pool.order[new[pool.order]]])

    def kept(self, pool: Pool) -> Positions:
        """Return the places of what is not replayed, rising.

        Raises:
            ConfigError: Nothing is left.
        """
        groups = pool.groups(self.by)
        old = groups.vector(dict.fromkeys(self.replayed, 1.0), "Replay's `replayed`", default=0.0)[groups.codes] > 0
        if old.all():
            raise ConfigError(
                f"Replay is to replay all groups of {self.by!r} that have lessons ({', '.join(self.replayed)}); at "
                "least one must be left to learn anew. Shorten `replayed`."
            )
        return np.flatnonzero(~old)

    def shares(self, groups: Groups) -> Scores:
        """Return the replayed groups' shares."""
        ages = {name: float(len(self.replayed) - k) for k, name in enumerate(self.replayed)}
        age = groups.vector(ages, "Replay's `replayed`", default=0.0)
        lessons = groups.sizes if self.power == 0 else np.ones(len(groups))
        weights = np.where(age > 0, lessons * np.where(age > 0, age, 1.0) ** -self.power, 0.0)
        return present_shares(groups, weights, self.by)
