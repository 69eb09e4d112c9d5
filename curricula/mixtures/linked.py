"""Lessons that belong together, drawn together."""

from __future__ import annotations

import numpy as np

from curricula.mixtures.around import MixtureAround
from curricula.mixtures.base import Draw, Mixture, Moment
from curricula.mixtures.views import refuse_named_views
from curricula.pool import Pool
from curricula.state import State

__all__ = ["Linked"]


class Linked(MixtureAround):
    """Draws as another mixture does, and with every lesson its whole family: a hard task and its sub-tasks.

    After the finding that a hard task together with its own sub-tasks teaches best (He et al. 2024, arXiv:2410.20533).
    The families of the lessons that the mixture draws fill the update one after another; the last may be cut, and of a
    family larger than the update only the first members come. Members count, and are shown in a dial's view, as the
    lesson that brought them; put what weighs lessons singly (`WeightedLoss`, `LossByLoss`) around this.

    Args:
        mixture: What draws the first lesson of every family.
        by: Name of the signal of groups: the family.
    """

    def __init__(self, mixture: Mixture, by: str) -> None:
        super().__init__(mixture)
        self.by = by

    def start(self, pool: Pool) -> State:
        """Return the mixture's first state.

        Raises:
            ConfigError: A view is named for each lesson that the mixture draws, before the families are brought.
        """
        refuse_named_views(self, self.mixture)
        return super().start(pool)

    def draw(self, pool: Pool, state: State, moment: Moment) -> Draw:
        """Draw, and bring the families: first the lesson drawn, then the others in their order."""
        drawn, groups = self.mixture.draw(pool, state, moment), pool.groups(self.by)
        places: list[int] = []
        brought: list[int] = []  # by which of the lessons drawn
        taken: set[int] = set()
        for number, place in enumerate(drawn.places.tolist()):
            family = [place, *groups.members(int(groups.codes[place]))[: moment.count].tolist()]
            new = [member for member in dict.fromkeys(family) if member not in taken]
            taken.update(new)
            places += new
            brought += [number] * len(new)
            if len(places) >= moment.count:
                break
        rest = max(0, moment.count - len(places))  # above 0 only where the families drawn are fewer than the update
        places += drawn.places[:rest].tolist()
        by = np.array([*brought, *range(rest)][: moment.count], np.int64)
        views = None if drawn.views is None else drawn.views[by]
        return Draw(np.array(places[: moment.count], np.int64), drawn.weights[by], drawn.stage, views)
